/** Starts the run of an operation, or quarantines an operation that was interrupted too often. */
import { hasSettled } from "../model/operation.ts";
import type { Problem } from "../problem.ts";
import type { Db } from "../store/database/transaction.ts";
import { findOperation, type StoredOperation } from "../store/operations.ts";
import { failWaiting, finishOperation, startOperation } from "../store/transitions.ts";

/** How often an operation may run, takeovers included, before it is quarantined. */
export const usualAttempts = 5;

/** The problem of an operation that was interrupted too often. */
export function quarantined(attempts: number): Problem {
  const detail = `The operation was interrupted ${attempts} times and won't be tried again by itself. Look at what it last did, then send it anew.`;
  return { code: "operation_interrupted", retry: "after-change", detail, cause: "quarantined" };
}

/** Whether there is something to run: the operation hasn't ended and doesn't wait for approval. */
export function isRunnable(operation: StoredOperation | undefined): operation is StoredOperation {
  return operation !== undefined && !hasSettled(operation.state);
}

export interface Beginning {
  /** Epoch of the lease that the caller holds */
  epoch: number;
  plugin: "official" | "stand-in" | undefined;
  maxAttempts: number;
}

/** Returns the operation, which now runs under the lease's epoch; undefined if there is nothing (more) to run. */
export async function beginRun(db: Db, id: string, { epoch, plugin, maxAttempts }: Beginning): Promise<StoredOperation | undefined> {
  const before = await findOperation(db, id);
  if (!isRunnable(before)) return undefined;
  const attempts = before.state === "running" ? before.attempt : before.attempt - 1;
  if (attempts < maxAttempts) return startOperation(db, id, { epoch, plugin });
  // If its record says that it runs, its owner is dead: otherwise we couldn't hold its lease.
  if (before.state === "queued") await failWaiting(db, id, quarantined(attempts));
  else await finishOperation(db, id, before.epoch, { state: "failed", error: quarantined(attempts) });
  return undefined;
}
