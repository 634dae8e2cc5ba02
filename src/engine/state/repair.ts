/** Repairs the state bucket after a crash: locks of ended processes, checkpoints that are missing or damaged. */
import { hostname } from "node:os";
import { ProblemError, problemOf } from "../../problem.ts";
import { startedAfter } from "../../processes.ts";
import type { StackState } from "../engine.ts";
import type { StateBackend } from "./state-backend.ts";

/**
 * Removes the locks that were written on `host` by processes which are gone, and says how many. Only for a caller who holds
 * the stack's lease; for another host than this one only when its owner is known to be dead, since this one can't look.
 */
export async function clearDeadLocks(state: StateBackend, host = hostname()): Promise<number> {
  let cleared = 0;
  for (const lock of await state.listLocks()) {
    if (lock.hostname !== host) continue;
    // A pid is reused: a process that began after the lock was written isn't the one that wrote it.
    if (host === hostname() && !(await startedAfter(lock.pid, lock.at))) continue;
    await state.removeLock(lock.key);
    cleared += 1;
  }
  return cleared;
}

/**
 * The state, after a missing or damaged one was put back from the bucket's versions. What is put back may be older than the
 * cloud: refresh, and look for what it doesn't know.
 *
 * @throws ProblemError `state_damaged` when it is damaged and no version can be read
 */
export async function readSound(state: StateBackend): Promise<{ state?: StackState; restored: boolean }> {
  const read = await state.readCheckpoint().catch((error: unknown) => {
    if (problemOf(error).code === "state_damaged") return undefined;
    throw error;
  });
  if (read !== undefined) return { state: read, restored: false };
  if (await state.restoreCheckpoint()) {
    const restored = await state.readCheckpoint();
    return { restored: true, ...(restored && { state: restored }) };
  }
  if (!(await state.hasState())) return { restored: false };
  throw new ProblemError(
    "state_damaged",
    "The stack's state in the bucket is damaged, and none of its versions can be read. Put a good copy back; until then nothing is changed.",
  );
}
