/** The jobs that this process runs right now, and how to stop them. */
import { stopError } from "../stop-reason.ts";
import type { Lane } from "./job.ts";

export interface RunningJobs {
  /** Runs the work as one of these jobs. Its signal aborts when the job is stopped. */
  during(operationId: string, lane: Lane, work: (signal: AbortSignal) => Promise<void>): Promise<void>;
  /** Aborts the jobs of a lane, or all jobs, like a shutdown: their operations are given back. */
  stop(lane?: Lane): void;
}

export function createRunningJobs(): RunningJobs {
  const running = new Map<string, { controller: AbortController; lane: Lane }>();
  return {
    async during(operationId, lane, work) {
      const controller = new AbortController();
      running.set(operationId, { controller, lane });
      await work(controller.signal).finally(() => running.delete(operationId));
    },
    stop(lane) {
      for (const job of running.values()) if (lane === undefined || job.lane === lane) job.controller.abort(stopError({ by: "service" }));
    },
  };
}
