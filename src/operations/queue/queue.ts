/** The queue of operations, as the rest of the service knows it. */
import type { Db } from "../../store/database/transaction.ts";
import type { Job } from "./job.ts";

export type JobHandler = (operationId: string, signal: AbortSignal) => Promise<void>;

export interface Queue {
  /** Adds the job in the caller's transaction: it exists if and only if that commits. A second call changes nothing. */
  enqueue(trx: Db, job: Job): Promise<void>;
  /** Makes the job of a dead worker runnable at once, at its old position. Adds the job if there is none. */
  requeue(trx: Db, job: Job): Promise<void>;
  /** Returns those of the operations that have no waiting or running job. */
  withoutJob(operationIds: string[]): Promise<string[]>;
  /** Begins to run jobs. If the handler throws, its job runs again. */
  start(handler: JobHandler): Promise<void>;
  /** Takes no new jobs until `resume`; resolves when the running ones have ended. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Aborts the running jobs like a shutdown: their operations are given back. */
  interrupt(): void;
  /** Looks for work now. Call it after a `requeue` has committed, or when a key became free. */
  wake(): void;
  depth(): Promise<{ waiting: number; running: number }>;
  /** Takes no new jobs, lets the running ones end within the grace period, then aborts their signals and waits for them. */
  close(options: { graceSeconds: number }): Promise<void>;
}
