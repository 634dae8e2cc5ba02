/** The named steps of a run, as its events tell them. */
import { problemOf } from "../problem.ts";
import type { NewEvent } from "../store/events.ts";

export interface Steps {
  /** One named step: its beginning and its end become events. Starts none once the signal is aborted. */
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Writes an event, in order. Never rejects: when it can't be written the run is stopped. */
  progress(type: string, data: Record<string, unknown>): Promise<void>;
}

/** The steps of a run whose events are written by `write`, until the signal aborts. */
export function stepsOf(write: (event: NewEvent) => Promise<void>, signal: AbortSignal): Steps {
  const progress: Steps["progress"] = (type, data) => write({ type, data });
  return {
    progress,
    async step(name, work) {
      signal.throwIfAborted();
      await progress("step-started", { name });
      // Nothing is done whose beginning couldn't be written.
      signal.throwIfAborted();
      const started = performance.now();
      try {
        const answer = await work();
        // Written with what comes next, mostly the next step's beginning; the run's end waits for it.
        void progress("step-done", { name, ms: Math.round(performance.now() - started) });
        return answer;
      } catch (error) {
        await progress("step-failed", { name, ms: Math.round(performance.now() - started), code: problemOf(error).code });
        throw error;
      }
    },
  };
}
