/**
 * The queue of operations: one pg-boss job per operation, strictly in order per key, in the same database as our rows.
 * pg-boss only decides who runs what when; how an operation ended stands in our row, and its job then completes.
 *
 * Tenants take turns (start-time fair queueing, Goyal, Vin and Cheng 1996, every job counting the same): the lowest turn runs first, and
 * a job's turn is one after its tenant's last one, but not before the latest that has begun. So a tenant's first job waits for one job
 * of each other tenant at most, however many those have sent, and nobody starves, because turns only rise.
 */
import { sql } from "kysely";
import { fromKysely, fromPglite, PgBoss } from "pg-boss";
import { faultFields, type Log } from "../log.ts";
import type { Db } from "../store/database/transaction.ts";
import type { Store } from "../store/store.ts";
import { beginTurn, takeTurn } from "../store/turns.ts";
import { groupOf, type Job, laneOf, lanes } from "./job.ts";
import { stopError } from "./stop-reason.ts";

export type JobHandler = (operationId: string, signal: AbortSignal) => Promise<void>;

export interface Queue {
  /** Adds the job in the caller's transaction: it exists if and only if that commits. Twice is once. */
  enqueue(trx: Db, job: Job): Promise<void>;
  /** Makes the job of a dead worker runnable at once, in its old place; adds it where there is none. */
  requeue(trx: Db, job: Job): Promise<void>;
  /** Which of these operations have no job that is waiting or running. */
  withoutJob(operationIds: string[]): Promise<string[]>;
  /** Begins to run jobs. A handler that throws has its job run again. */
  start(handler: JobHandler): Promise<void>;
  /** Takes no new jobs until `resume`; resolves when the running ones have ended. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Aborts the running jobs as a shutdown does: their operations are given back. */
  interrupt(): void;
  /** Looks for work now: after a `requeue` committed, or when a key became free. */
  wake(): void;
  depth(): Promise<{ waiting: number; running: number }>;
  /** Takes no new jobs, lets the running ones end within the grace period, then aborts their signals and waits for them. */
  close(options: { graceSeconds: number }): Promise<void>;
}

/** How many parents this process waits for side by side; each costs a lease's heartbeat and a look every second. */
const parentsAtOnce = 4;
const schema = "pgboss";
const jobTable = `${schema}.job`;

const queueOptions = {
  policy: "key_strict_fifo",
  notify: true,
  // Our own attempt count ends a poisoned operation; a job that ran out of retries would block its key for good.
  retryLimit: 1_000_000,
  retryDelay: 1,
  heartbeatSeconds: 10, // the least; a false alarm is harmless, because the lease decides who runs
  expireInSeconds: 86_400, // the most that pg-boss takes; each operation has its own deadline
  retentionSeconds: 30 * 86_400,
  deleteAfterSeconds: 3_600,
} as const;

/** Milliseconds after which a job that was given back may be taken, and a bit. */
const retryDue = queueOptions.retryDelay * 1_000 + 100;

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

interface Worker {
  /** pg-boss's */
  id: string;
  lane: string;
  /** How many jobs of one tenant may run for it to take another; any number unless told */
  perGroup?: number | undefined;
}

/** Opens the queue on the store's database. */
export async function openQueue({ store, log, concurrency, perTenant = concurrency }: QueueSettings): Promise<Queue> {
  const boss = new PgBoss({
    ...(store.kind === "pglite"
      ? { db: fromPglite(store.pglite), backend: "pglite" as const }
      : // One connection, so that this process's workers, who all wake at once, take one after the other and each sees what the last took.
        { connectionString: store.databaseUrl, max: 1, application_name: "drawbridge-queue" }),
    schema,
    useListenNotify: true,
    schedule: false,
    // A dead worker's job comes back after its heartbeat is stale and one of these rounds has seen it.
    superviseIntervalSeconds: 5,
    monitorIntervalSeconds: 5,
  });
  boss.on("error", (error) => log.warn("The queue's database work failed and will be tried again", faultFields(error)));
  await boss.start();
  for (const name of Object.values(lanes)) {
    await boss.createQueue(name, queueOptions);
    // A first send inside a transaction would look the queue up over PGlite's one connection, which that transaction holds.
    await boss.getQueueStats(name);
  }
  // The folder's lock says that no other process lives: whatever PGlite holds as running was an earlier one's.
  if (store.kind === "pglite") await giveBackAll(boss, store.db);

  const running = new Map<string, { stop: AbortController; lane: string }>();
  let handler: JobHandler | undefined;
  let workers: Worker[] = [];

  const runJob = async ({ operationId, turn }: { operationId: string; turn: number }, { lane, perGroup, id }: Worker) => {
    if (handler === undefined) throw new Error("the queue has no handler");
    const stop = new AbortController();
    running.set(operationId, { stop, lane });
    try {
      await beginTurn(store.db, lane, turn);
      await handler(operationId, stop.signal);
    } catch (error) {
      log.warn("A job will run again", { operation: operationId, ...faultFields(error) });
      wakeLater(retryDue, (other) => other.lane === lane);
      throw error;
    } finally {
      running.delete(operationId);
      // This worker looks again as soon as pg-boss has settled the job, which makes its key free. What it may not take, or leaves for
      // another tenant's, the others of its lane look for that take by another rule: just after that, and once more where the database
      // was busy.
      boss.notifyWorker(id);
      const byAnotherRule = (other: Worker) => other.lane === lane && other.perGroup !== perGroup;
      for (const after of [20, 500]) wakeLater(after, byAnotherRule);
    }
  };

  const resume = async () => {
    // One registration per worker, so that `wake` reaches each of them.
    const wanted: Omit<Worker, "id">[] = [
      ...Array(concurrency).fill({ lane: lanes.operations, perGroup: perTenant }),
      { lane: lanes.operations, perGroup: 1 },
      ...Array(parentsAtOnce).fill({ lane: lanes.parents }),
      { lane: lanes.urgent },
      { lane: lanes.urgent },
    ];
    for (const { lane, perGroup } of wanted.slice(workers.length)) {
      // Known before the first look at the queue has come back.
      const id: string = await boss.work<{ operationId: string; turn: number }>(
        lane,
        {
          batchSize: 1,
          // A look at each queue costs more than most statements; a new job, a free key and a retry of this process's wake the workers.
          notifyPollingIntervalSeconds: store.kind === "pglite" ? 5 : 2,
          pollingIntervalSeconds: 1,
          ...(perGroup !== undefined && { groupConcurrency: perGroup }),
        },
        async ([job]) => {
          if (job !== undefined) await runJob(job.data, { id, lane, perGroup });
        },
      );
      workers.push({ id, lane, perGroup });
    }
  };

  const pause = async () => {
    const stopping = workers;
    workers = [];
    await Promise.all(stopping.map(({ id, lane }) => boss.offWork(lane, { id, wait: true })));
  };

  function wakeLater(after: number, whom?: (worker: Worker) => boolean): void {
    setTimeout(wake, after, whom).unref();
  }

  function wake(whom: (worker: Worker) => boolean = () => true): void {
    for (const worker of workers) if (whom(worker)) boss.notifyWorker(worker.id);
  }

  const enqueue = async (trx: Db, { operationId, key }: Job) => {
    const db = fromKysely(trx);
    const group = groupOf(key);
    const turn = await takeTurn(trx, laneOf(key), group);
    const send = () =>
      boss.send(laneOf(key), { operationId, turn }, { id: operationId, singletonKey: key, group: { id: group }, priority: 0 - turn, db });
    if ((await send()) !== null) return;
    // An approved plan runs under the same operation: its first job has ended and must make room. Where it is just ending, recovery finds
    // an operation without a job and comes here again.
    await sql`delete from ${sql.table(jobTable)} where name = ${laneOf(key)} and id = ${operationId} and state in ('completed', 'cancelled', 'failed')`.execute(
      trx,
    );
    await send();
  };

  return {
    enqueue,
    async requeue(trx, job) {
      await boss.fail(laneOf(job.key), job.operationId, { reason: "owner-dead" }, { db: fromKysely(trx) });
      await enqueue(trx, job);
    },
    async withoutJob(operationIds) {
      if (operationIds.length === 0) return [];
      const { rows } = await sql<{ id: string }>`
        select id from ${sql.table(jobTable)}
        where name = any(${Object.values(lanes)}::text[]) and id = any(${operationIds}::uuid[]) and state in ('created', 'retry', 'active')`.execute(
        store.db,
      );
      const withJob = new Set(rows.map((row) => row.id));
      return operationIds.filter((id) => !withJob.has(id));
    },
    async start(newHandler) {
      handler = newHandler;
      await resume();
    },
    pause,
    resume,
    interrupt() {
      for (const { stop } of running.values()) stop.abort(stopError({ by: "service" }));
    },
    wake() {
      wake();
      wakeLater(retryDue);
    },
    async depth() {
      const { rows } = await sql<{ waiting: number; running: number }>`
        select count(*) filter (where state in ('created', 'retry'))::int as waiting, count(*) filter (where state = 'active')::int as running
        from ${sql.table(jobTable)} where name = ${lanes.operations}`.execute(store.db);
      return rows[0] ?? { waiting: 0, running: 0 };
    },
    async close({ graceSeconds }) {
      // A parent only waits, for children that may not begin any more: it goes on elsewhere at once.
      for (const { stop, lane } of running.values()) if (lane === lanes.parents) stop.abort(stopError({ by: "service" }));
      const grace = setTimeout(() => {
        for (const { stop } of running.values()) stop.abort(stopError({ by: "service" }));
      }, graceSeconds * 1_000);
      await pause();
      clearTimeout(grace);
      await boss.stop({ graceful: false });
    },
  };
}

/** Makes every job runnable that is marked as running, in its old place. */
async function giveBackAll(boss: PgBoss, db: Db): Promise<void> {
  const { rows } = await sql<{ id: string; name: string }>`select id, name from ${sql.table(jobTable)} where state = 'active'`.execute(db);
  for (const { id, name } of rows) await boss.fail(name, id, { reason: "owner-dead" });
}
