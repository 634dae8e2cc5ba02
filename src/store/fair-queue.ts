import { sql } from "kysely";
import type { Db } from "./database/transaction.ts";

/** The row of the lane itself. No tenant has this name. */
const laneItself = "";

/** The position of a job that a tenant adds to a lane now: one after its last job, but not before the latest position that has begun. */
export async function nextPosition(db: Db, lane: string, tenant: string): Promise<number> {
  const { rows } = await sql<{ turn: number }>`
    with latest as (select coalesce(max(turn), 0) as turn from turns where lane = ${lane} and tenant = ${laneItself})
    insert into turns (lane, tenant, turn) select ${lane}, ${tenant}, turn from latest
    on conflict (lane, tenant) do update set turn = greatest(turns.turn + 1, excluded.turn)
    returning turn`.execute(db);
  return rows[0]?.turn ?? 0;
}

/** Records that a job at this position has begun. */
export async function notePositionBegun(db: Db, lane: string, turn: number): Promise<void> {
  await db
    .insertInto("turns")
    .values({ lane, tenant: laneItself, turn })
    .onConflict((conflict) => conflict.columns(["lane", "tenant"]).doUpdateSet({ turn }).where("turns.turn", "<", turn))
    .execute();
}

/** Deletes the rows of tenants whose last position has passed: their next job gets the lane's position. Returns how many. */
export async function forgetOldPositions(db: Db): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from turns t using turns l
    where l.lane = t.lane and l.tenant = ${laneItself} and t.tenant <> ${laneItself} and t.turn < l.turn`.execute(db);
  return Number(numAffectedRows ?? 0);
}
