/** The workers of this process. Each takes jobs of one lane, one at a time, and is woken when there may be a job for it. */
import type { PgBoss } from "pg-boss";
import type { Store } from "../../store/store.ts";
import { retryDue } from "./boss.ts";
import { type Lane, lanes } from "./job.ts";

/** How many parents this process waits for at the same time. Each costs a lease's heartbeat and two reads of its children every second. */
const parentsAtOnce = 4;

/** The data of a job. */
export interface JobData {
  operationId: string;
  turn: number;
}

/** The jobs that a worker takes. */
export interface Takes {
  lane: Lane;
  /** How many jobs of one tenant may run, including the one that the worker takes. Default: any number */
  perGroup?: number | undefined;
}

/** `id` is pg-boss's id. */
type Worker = Takes & { id: string };

/** The workers of a process. The lane of operations has one more than `concurrency`, for tenants that have none running. */
export function wantedWorkers(concurrency: number, perTenant: number): Takes[] {
  return [
    ...Array<Takes>(concurrency).fill({ lane: lanes.operations, perGroup: perTenant }),
    { lane: lanes.operations, perGroup: 1 },
    ...Array<Takes>(parentsAtOnce).fill({ lane: lanes.parents }),
    { lane: lanes.urgent },
    { lane: lanes.urgent },
  ];
}

export interface Workers {
  /** Begins to take jobs. */
  begin(): Promise<void>;
  /** Takes no new jobs; resolves when the running ones have ended. */
  end(): Promise<void>;
  /** Makes all workers look for work: now, and when a job that was just given back may be taken. */
  wake(): void;
}

/** Workers that don't take jobs yet. `run` rejects if the job must run again. */
export function createWorkers(
  boss: PgBoss,
  kind: Store["kind"],
  wanted: readonly Takes[],
  run: (job: JobData, lane: Lane) => Promise<void>,
): Workers {
  let workers: Worker[] = [];

  const wake = (whom: (worker: Worker) => boolean = () => true) => {
    for (const worker of workers) if (whom(worker)) boss.notifyWorker(worker.id);
  };
  const wakeLater = (after: number, whom?: (worker: Worker) => boolean) => void setTimeout(wake, after, whom).unref();

  const work = async (job: JobData, { id, lane, perGroup }: Worker) => {
    try {
      await run(job, lane);
    } catch (error) {
      wakeLater(retryDue, (other) => other.lane === lane);
      throw error;
    } finally {
      // This worker looks again as soon as pg-boss has settled the job and so freed its key. But it may not take every job, or may take
      // another tenant's. So the lane's workers with another `perGroup` look too: just after that, and once more in case the database was
      // busy.
      boss.notifyWorker(id);
      const byAnotherRule = (other: Worker) => other.lane === lane && other.perGroup !== perGroup;
      for (const after of [20, 500]) wakeLater(after, byAnotherRule);
    }
  };

  return {
    async begin() {
      // One registration per worker, so that `wake` reaches each of them.
      for (const takes of wanted.slice(workers.length)) {
        // Set before the first look at the queue has returned.
        const id: string = await boss.work<JobData>(takes.lane, workOptions(kind, takes), async ([job]) => {
          if (job !== undefined) await work(job.data, { id, ...takes });
        });
        workers.push({ id, ...takes });
      }
    },
    async end() {
      const stopping = workers;
      workers = [];
      await Promise.all(stopping.map(({ id, lane }) => boss.offWork(lane, { id, wait: true })));
    },
    wake() {
      wake();
      wakeLater(retryDue);
    },
  };
}

function workOptions(kind: Store["kind"], { perGroup }: Takes) {
  return {
    batchSize: 1,
    // A look at each queue costs more than most statements. New jobs, free keys and retries of this process wake the workers anyway.
    notifyPollingIntervalSeconds: kind === "pglite" ? 5 : 2,
    pollingIntervalSeconds: 1,
    ...(perGroup !== undefined && { groupConcurrency: perGroup }),
  };
}
