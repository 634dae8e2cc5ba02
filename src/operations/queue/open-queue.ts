/**
 * The queue of operations: one pg-boss job per operation, strictly in order per key, in the same database as our rows.
 * pg-boss only decides who runs what when; how an operation ended stands in our row, and its job then completes.
 *
 * Tenants take turns (start-time fair queueing, Goyal, Vin and Cheng 1996, every job counting the same): the lowest turn runs first, and
 * a job's turn is one after its tenant's last one, but not before the latest that has begun. So a tenant's first job waits for one job
 * of each other tenant at most, however many those have sent, and nobody starves, because turns only rise.
 */
import { faultFields, type Log } from "../../log.ts";
import { notePositionBegun } from "../../store/fair-queue.ts";
import type { Store } from "../../store/store.ts";
import { openBoss } from "./boss.ts";
import { type Lane, lanes } from "./job.ts";
import { depth, enqueue, takeFromOwner, withoutJob } from "./job-table.ts";
import type { JobHandler, Queue } from "./queue.ts";
import { createRunningJobs } from "./running-jobs.ts";
import { createWorkers, type JobData, wantedWorkers } from "./workers.ts";

interface QueueSettings {
  store: Store;
  log: Log;
  /** How many jobs this process runs side by side; one more for tenants that have none running */
  concurrency: number;
  /**
   * How many jobs of one tenant run side by side, over all replicas; as many as `concurrency` unless told. Where n replicas take at the
   * same instant, n - 1 more may run.
   */
  perTenant?: number;
}

/** Opens the queue on the store's database. */
export async function openQueue({ store, log, concurrency, perTenant = concurrency }: QueueSettings): Promise<Queue> {
  const boss = await openBoss(store, log);
  const running = createRunningJobs();
  let handler: JobHandler | undefined;

  const run = async ({ operationId, turn }: JobData, lane: Lane) => {
    await running.during(operationId, lane, async (signal) => {
      if (handler === undefined) throw new Error("the queue has no handler");
      try {
        await notePositionBegun(store.db, lane, turn);
        await handler(operationId, signal);
      } catch (error) {
        log.warn("A job will run again", { operation: operationId, ...faultFields(error) });
        throw error;
      }
    });
  };
  const workers = createWorkers(boss, store.kind, wantedWorkers(concurrency, perTenant), run);

  return {
    enqueue: (trx, job) => enqueue(boss, trx, job),
    async requeue(trx, job) {
      await takeFromOwner(boss, trx, job);
      await enqueue(boss, trx, job);
    },
    withoutJob: (operationIds) => withoutJob(store.db, operationIds),
    async start(newHandler) {
      handler = newHandler;
      await workers.begin();
    },
    pause: workers.end,
    resume: workers.begin,
    interrupt: () => running.stop(),
    wake: workers.wake,
    depth: () => depth(store.db),
    async close({ graceSeconds }) {
      // A parent only waits, for children that may not begin any more: it goes on elsewhere at once.
      running.stop(lanes.parents);
      const grace = setTimeout(running.stop, graceSeconds * 1_000);
      await workers.end();
      clearTimeout(grace);
      await boss.stop({ graceful: false });
    },
  };
}
