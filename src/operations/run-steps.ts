/** The named steps of a run, with an event at the start and the end of each. */
import { problemOf } from "../problem.ts";
import type { NewEvent } from "../store/events.ts";

export interface Steps {
  /** Runs one named step and writes an event at its start and its end. Starts no step once the signal has aborted. */
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Writes an event, in order. Never rejects: if the event can't be written, the run is stopped. */
  progress(type: string, data: Record<string, unknown>): Promise<void>;
}

/** The steps of a run. `write` writes their events; no step starts once the signal has aborted. */
export function stepsOf(write: (event: NewEvent) => Promise<void>, signal: AbortSignal): Steps {
  const progress: Steps["progress"] = (type, data) => write({ type, data });
  return {
    progress,
    async step(name, work) {
      signal.throwIfAborted();
      await progress("step-started", { name });
      // If the event of the start couldn't be written, the signal has aborted.
      signal.throwIfAborted();
      const started = performance.now();
      try {
        const answer = await work();
        // This event is written together with the next one, usually the start of the next step. The run's end waits for it.
        void progress("step-done", { name, ms: Math.round(performance.now() - started) });
        return answer;
      } catch (error) {
        await progress("step-failed", { name, ms: Math.round(performance.now() - started), code: problemOf(error).code });
        throw error;
      }
    },
  };
}
