/** Who writes a record: a run of an operation, known by the epoch that it holds. */
import { ProblemError } from "../../problem.ts";
import type { Db } from "./transaction.ts";

/** A verb's `Run` is one. */
export interface Fencing {
  operation: { id: string };
  epoch: number;
}

/**
 * Lets the caller's transaction go on only while the operation runs under the writer's epoch, and keeps it so until the commit:
 * whoever takes the operation over waits for that row.
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
