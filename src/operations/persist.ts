import { setTimeout as sleep } from "node:timers/promises";
import { ProblemError } from "../problem.ts";

/** Milliseconds between attempts. Their sum is less than a lease's margin; after the margin the run must have stopped anyway. */
const pauses = [100, 300, 1_000, 2_000, 4_000];

/**
 * Retries a store write after a failure that ends by itself (a lost connection, a database that restarts). A ProblemError is final. A write
 * whose reply was lost may be done twice: fencing refuses a second end, but an event is then stored twice.
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
