/** How we use pg-boss, the queue's library: in the same database as our rows, strictly in order per key. */
import { fromPglite, PgBoss } from "pg-boss";
import { faultFields, type Log } from "../../log.ts";
import type { Store } from "../../store/store.ts";
import { lanes } from "./job.ts";
import { bossSchema, giveBackAll } from "./job-table.ts";

const queueOptions = {
  policy: "key_strict_fifo",
  notify: true,
  // Our own attempt count ends a poisoned operation. A job without retries left would block its key for good.
  retryLimit: 1_000_000,
  retryDelay: 1,
  heartbeatSeconds: 10, // the minimum; a false alarm is harmless, because the lease decides who runs
  expireInSeconds: 86_400, // the maximum of pg-boss; each operation has its own deadline
  retentionSeconds: 30 * 86_400,
  deleteAfterSeconds: 3_600,
} as const;

/** Milliseconds until a job that was given back may be taken, plus a small margin. */
export const retryDue = queueOptions.retryDelay * 1_000 + 100;

/** Starts pg-boss on the store's database, with a queue for each lane. */
export async function openBoss(store: Store, log: Log): Promise<PgBoss> {
  const boss = new PgBoss({
    ...(store.kind === "pglite"
      ? { db: fromPglite(store.pglite), backend: "pglite" as const }
      : // One connection: this process's workers wake together, take jobs one after the other, and each sees what the last one took.
        { connectionString: store.databaseUrl, max: 1, application_name: "drawbridge-queue" }),
    schema: bossSchema,
    useListenNotify: true,
    schedule: false,
    // The job of a dead worker is queued again when its heartbeat is stale and one of these rounds has found it.
    superviseIntervalSeconds: 5,
    monitorIntervalSeconds: 5,
  });
  boss.on("error", (error) => log.warn("The queue's database work failed and will be tried again", faultFields(error)));
  await boss.start();
  for (const name of Object.values(lanes)) {
    await boss.createQueue(name, queueOptions);
    // Without this, a first send inside a transaction would look the queue up over PGlite's one connection, which that transaction holds.
    await boss.getQueueStats(name);
  }
  // The folder's lock proves that no other process uses it. So jobs that PGlite holds as running belong to an earlier process.
  if (store.kind === "pglite") await giveBackAll(boss, store.db);
  return boss;
}
