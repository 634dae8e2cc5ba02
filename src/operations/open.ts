/** Accepts an operation. */

import type { Db } from "../store/database/transaction.ts";
import { createOperation, type NewOperation, type StoredOperation } from "../store/operations.ts";
import { jobOf } from "./queue/job.ts";
import type { Queue } from "./queue/queue.ts";

/**
 * Records an operation as `queued`, with its first event and its job, in the caller's transaction. The operation exists and runs if and
 * only if that transaction commits.
 */
export async function openOperation(
  { queue }: { queue: Pick<Queue, "enqueue"> },
  trx: Db,
  operation: NewOperation,
): Promise<StoredOperation> {
  const opened = await createOperation(trx, operation);
  await queue.enqueue(trx, jobOf(opened));
  return opened;
}
