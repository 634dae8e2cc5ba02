/** Approvals: a held plan runs exactly as it was shown, by the word of somebody who didn't ask for it, or not at all. */
import { nudgeFollowers } from "../operations/events.ts";
import { jobOf } from "../operations/job.ts";
import { ProblemError } from "../problem.ts";
import { changeIntegration } from "../store/integrations.ts";
import { findOperation, type StoredOperation } from "../store/operations.ts";
import { approveOperation, cancelWaiting } from "../store/transitions.ts";
import type { Shell } from "./shell.ts";

/**
 * Lets the plan of that hash run.
 *
 * @throws ProblemError not_awaiting_approval, plan_stale, approver_is_requester
 */
export async function approve(
  shell: Shell,
  operation: StoredOperation,
  { planHash, subject }: { planHash: string; subject: string },
): Promise<StoredOperation> {
  refuseUnlessHeld(operation);
  if (operation.planHash !== planHash) {
    throw new ProblemError(
      "plan_stale",
      "This isn't the hash of the plan that waits. GET the operation, read its plan, and send its planHash.",
      { pointer: "/planHash" },
    );
  }
  if (operation.requestedBy === subject) {
    throw new ProblemError(
      "approver_is_requester",
      "Whoever asked for this can't approve it. Somebody else with the scope `approve` has to.",
    );
  }
  return shell.store.db.transaction().execute(async (trx) => {
    const approved = await approveOperation(trx, operation.id);
    const { tenant, integration } = operation;
    if (tenant !== undefined && integration !== undefined)
      await changeIntegration(trx, tenant, integration, (record) => ({ ...record, approval: { by: subject, planHash } }));
    await shell.queue.enqueue(trx, jobOf(operation));
    return approved;
  });
}

/**
 * Ends a held plan as `cancelled`; nothing of it was done.
 *
 * @throws ProblemError not_awaiting_approval
 */
export async function discard(shell: Shell, operation: StoredOperation): Promise<StoredOperation> {
  refuseUnlessHeld(operation);
  const cancelled = await cancelWaiting(shell.store.db, operation.id);
  nudgeFollowers(operation.id);
  return cancelled ?? (await findOperation(shell.store.db, operation.id)) ?? operation;
}

function refuseUnlessHeld(operation: StoredOperation): void {
  if (operation.state === "awaiting-approval") return;
  throw new ProblemError(
    "not_awaiting_approval",
    `The operation is ${operation.state}; only one that awaits approval can be approved or discarded.`,
  );
}
