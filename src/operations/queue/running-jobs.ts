/** The jobs that this process runs right now, and how to stop them. */
import { stopError } from "../stop-reason.ts";
import type { Lane } from "./job.ts";

export interface RunningJobs {
  /** Runs the work as one of them. Its signal aborts when they are stopped. */
  during(operationId: string, lane: Lane, work: (signal: AbortSignal) => Promise<void>): Promise<void>;
  /** Aborts those of a lane, or all of them, as a shutdown does: their operations are given back. */
  stop(lane?: Lane): void;
}

/** None yet. */
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
