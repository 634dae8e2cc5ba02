/**
 * The queue of operations: one pg-boss job per operation, strictly in order per key, in the same database as our rows. pg-boss only decides
 * which process runs which job when. Our row records how an operation ended, and then its job completes.
 *
 * The queue is fair to tenants (start-time fair queueing, Goyal, Vin and Cheng 1996; every job counts the same). The job with the lowest
 * position runs first. A new job's position is one after its tenant's last job, but not before the latest position that has begun. So a
 * tenant's first job waits for at most one job of each other tenant, however many those have sent. No job starves, because positions only
 * rise.
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
  /** How many jobs this process runs at the same time, plus one for tenants that have none running */
  concurrency: number;
  /**
   * How many jobs of one tenant run at the same time, over all replicas. Default: `concurrency`. If n replicas take jobs at the same
   * instant, n - 1 more may run.
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
      // A parent only waits, and its children may not begin any more. Stop it now: it goes on elsewhere at once.
      running.stop(lanes.parents);
      const grace = setTimeout(running.stop, graceSeconds * 1_000);
      await workers.end();
      clearTimeout(grace);
      await boss.stop({ graceful: false });
    },
  };
}
