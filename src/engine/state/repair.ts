/** Repairs the state bucket after a crash: removes locks of ended processes, restores missing or damaged checkpoints. */
import { hostname } from "node:os";
import { ProblemError, problemOf } from "../../problem.ts";
import { startedAfter } from "../../processes.ts";
import type { StackState } from "../engine.ts";
import type { StateBackend } from "./state-backend.ts";

/**
 * Removes the locks that processes on `host` wrote which no longer run; returns how many. The caller must hold the stack's lease. For
 * another host, the caller must know that its owner is dead, because this host can't check that.
 */
export async function clearDeadLocks(state: StateBackend, host = hostname()): Promise<number> {
  let cleared = 0;
  for (const lock of await state.listLocks()) {
    if (lock.hostname !== host) continue;
    // Pids are reused: a process that began after the lock was written isn't the one that wrote it.
    if (host === hostname() && !(await startedAfter(lock.pid, lock.at))) continue;
    await state.removeLock(lock.key);
    cleared += 1;
  }
  return cleared;
}

/**
 * Returns the state. If it is missing or damaged, it is first restored from the bucket's versions. A restored state may be older than the
 * cloud: refresh, and look for resources that it doesn't contain.
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
