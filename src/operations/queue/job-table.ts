/** The jobs as rows of pg-boss: adds them, and reads what the library doesn't tell about them. */
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
  // An approved plan runs under the same operation: its first job has ended and is replaced. If that job is just ending, recovery later
  // finds an operation without a job and comes here again.
  const ended = sql`delete from ${table} where name = ${lane} and id = ${operationId} and state in ('completed', 'cancelled', 'failed')`;
  await ended.execute(trx);
  await send();
}

/** Frees the job of a dead worker, in the caller's transaction. Another worker can take it at once, at its old position. */
export async function takeFromOwner(boss: PgBoss, trx: Db, { operationId, key }: Job): Promise<void> {
  await boss.fail(laneOf(key), operationId, { reason: "owner-dead" }, { db: fromKysely(trx) });
}

/** Makes every job that is marked as running runnable again, at its old position. */
export async function giveBackAll(boss: PgBoss, db: Db): Promise<void> {
  const { rows } = await sql<{ id: string; name: string }>`select id, name from ${table} where state = 'active'`.execute(db);
  for (const { id, name } of rows) await boss.fail(name, id, { reason: "owner-dead" });
}

/** Returns those of the operations that have no waiting or running job. */
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

/** How many jobs with updates wait, and how many run. */
export async function depth(db: Db): ReturnType<Queue["depth"]> {
  const { rows } = await sql<{ waiting: number; running: number }>`
    select count(*) filter (where state in ('created', 'retry'))::int as waiting, count(*) filter (where state = 'active')::int as running
    from ${table} where name = ${lanes.operations}`.execute(db);
  return rows[0] ?? { waiting: 0, running: 0 };
}
