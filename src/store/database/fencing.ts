/** Fencing of writes to a record: the writer is a run of an operation and names the epoch that it holds. */
import { ProblemError } from "../../problem.ts";
import type { Db } from "./transaction.ts";

/** A verb's `Run` has this shape. */
export interface Fencing {
  operation: { id: string };
  epoch: number;
}

/**
 * Lets the caller's transaction continue only if the operation runs under the writer's epoch, and keeps that true until the commit: a
 * takeover of the operation waits for the locked row.
 *
 * @throws ProblemError operation_interrupted
 */
export async function requireFencing(trx: Db, { operation, epoch }: Fencing): Promise<void> {
  const row = await trx
    .selectFrom("operations")
    .select("id")
    .where("id", "=", operation.id)
    .where("epoch", "=", epoch)
    .where("state", "=", "running")
    .forShare()
    .executeTakeFirst();
  if (row !== undefined) return;
  throw new ProblemError("operation_interrupted", "The operation has ended or another worker has taken it over; look at its state.", {
    cause: "stale-record",
  });
}
