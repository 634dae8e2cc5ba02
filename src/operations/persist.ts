import { setTimeout as sleep } from "node:timers/promises";
import { ProblemError } from "../problem.ts";

/** Milliseconds between tries: in all less than a lease's margin, after which the run must have stopped anyway. */
const pauses = [100, 300, 1_000, 2_000, 4_000];

/**
 * Does a store write again when it failed for a passing reason (a connection lost, a database that restarts). A refusal
 * of ours is final. A write whose reply was lost may be done twice: fencing refuses an end, an event stands there twice.
 */
export async function persist<T>(write: () => Promise<T>, waits: readonly number[] = pauses): Promise<T> {
  for (const pause of waits) {
    try {
      return await write();
    } catch (error) {
      if (error instanceof ProblemError) throw error;
      await sleep(pause);
    }
  }
  return write();
}
