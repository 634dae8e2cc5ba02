/** The jobs as rows of pg-boss: adding them, and what its library doesn't tell of them. */
import { sql } from "kysely";
import { fromKysely, type PgBoss } from "pg-boss";
import type { Db } from "../../store/database/transaction.ts";
import { nextPosition } from "../../store/fair-queue.ts";
import { groupOf, type Job, laneOf, lanes } from "./job.ts";
import type { Queue } from "./queue.ts";

export const bossSchema = "pgboss";
const table = sql.table(`${bossSchema}.job`);

/** Adds the operation's job at its tenant's next position in the fair queue, in the caller's transaction. */
export async function enqueue(boss: PgBoss, trx: Db, { operationId, key }: Job): Promise<void> {
  const lane = laneOf(key);
  const group = groupOf(key);
  const turn = await nextPosition(trx, lane, group);
  const options = { id: operationId, singletonKey: key, group: { id: group }, priority: 0 - turn, db: fromKysely(trx) };
  const send = () => boss.send(lane, { operationId, turn }, options);
  if ((await send()) !== null) return;
  // An approved plan runs under the same operation: its first job has ended and is replaced. If it is just ending, recovery finds
  // an operation without a job and comes here again.
  const ended = sql`delete from ${table} where name = ${lane} and id = ${operationId} and state in ('completed', 'cancelled', 'failed')`;
  await ended.execute(trx);
  await send();
}

/** Frees the job of a dead worker, in the caller's transaction: another worker can take it at once, at its old position. */
export async function takeFromOwner(boss: PgBoss, trx: Db, { operationId, key }: Job): Promise<void> {
  await boss.fail(laneOf(key), operationId, { reason: "owner-dead" }, { db: fromKysely(trx) });
}

/** Makes every job runnable that is marked as running, in its old place. */
export async function giveBackAll(boss: PgBoss, db: Db): Promise<void> {
  const { rows } = await sql<{ id: string; name: string }>`select id, name from ${table} where state = 'active'`.execute(db);
  for (const { id, name } of rows) await boss.fail(name, id, { reason: "owner-dead" });
}

/** Which of these operations have no job that is waiting or running. */
export async function withoutJob(db: Db, operationIds: string[]): Promise<string[]> {
  if (operationIds.length === 0) return [];
  const { rows } = await sql<{ id: string }>`
    select id from ${table}
    where name = any(${Object.values(lanes)}::text[]) and id = any(${operationIds}::uuid[]) and state in ('created', 'retry', 'active')`.execute(
    db,
  );
  const withJob = new Set(rows.map((row) => row.id));
  return operationIds.filter((id) => !withJob.has(id));
}

/** How many jobs with updates wait and run. */
export async function depth(db: Db): ReturnType<Queue["depth"]> {
  const { rows } = await sql<{ waiting: number; running: number }>`
    select count(*) filter (where state in ('created', 'retry'))::int as waiting, count(*) filter (where state = 'active')::int as running
    from ${table} where name = ${lanes.operations}`.execute(db);
  return rows[0] ?? { waiting: 0, running: 0 };
}
