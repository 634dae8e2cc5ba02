/** Approvals: a held plan runs exactly as it was shown, and only if somebody approves it who didn't write any of it. */

import { automaticSubjects, legacyAuthor, type Writer } from "../../model/caller.ts";
import type { Author } from "../../model/integration.ts";
import { nudgeFollowers } from "../../operations/events.ts";
import { jobOf } from "../../operations/queue/job.ts";
import { ProblemError } from "../../problem.ts";
import { findOperation, findOvertaking, type StoredOperation } from "../../store/operations.ts";
import { lockName } from "../../store/tenants.ts";
import { approveOperation, cancelWaiting } from "../../store/transitions.ts";
import type { Context } from "../context.ts";
import { refuseWithoutRights } from "./author-rights.ts";

/**
 * Lets the plan with this hash run.
 *
 * @throws ProblemError not_awaiting_approval, plan_stale, approver_is_requester, author_without_rights
 */
export async function approve(
  context: Context,
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
  refuseAuthor(operation, subject);
  const { authors = [] } = operation.request as { authors?: Author[] };
  if (operation.tenant !== undefined) await refuseWithoutRights(context, authors, operation.tenant);
  return context.store.db.transaction().execute(async (trx) => {
    if (operation.tenant !== undefined) await lockName(trx, { tenant: operation.tenant });
    const newer = await findOvertaking(trx, operation.id);
    if (newer !== undefined)
      throw new ProblemError(
        "plan_stale",
        `Operation ${newer} was accepted after this plan was asked for. Discard this plan, or PUT again.`,
      );
    const approved = await approveOperation(trx, operation.id, subject);
    await context.queue.enqueue(trx, jobOf(operation));
    return approved;
  });
}

/**
 * Everybody who wrote a part of what the operation would do, also in earlier requests. A request from before authors were recorded may
 * contain what somebody else wrote.
 */
function authorsOf({ request, requestedBy }: StoredOperation): string[] {
  const { authors, writers } = request as { authors?: Author[]; writers?: (Writer | string)[] };
  const noted = authors === undefined && writers === undefined ? [legacyAuthor] : [];
  const known = [
    ...(authors ?? []).map(({ subject }) => subject),
    ...(writers ?? []).map((one) => (typeof one === "string" ? one : one.subject)),
    ...noted,
  ];
  return automaticSubjects.includes(requestedBy) ? known : [requestedBy, ...known];
}

function refuseAuthor(operation: StoredOperation, subject: string): void {
  const authors = authorsOf(operation);
  if (authors.includes(subject)) {
    throw new ProblemError(
      "approver_is_requester",
      "Whoever asked for this, or wrote a part of it, can't approve it. Somebody else with the scope `approve` has to.",
    );
  }
  if (!authors.includes(legacyAuthor)) return;
  throw new ProblemError(
    "approver_is_requester",
    "A part of what this would do was written in an earlier release, which noted no author. Discard it and PUT the whole integration again.",
  );
}

/**
 * Ends a held plan as `cancelled`; nothing of it was done.
 *
 * @throws ProblemError not_awaiting_approval
 */
export async function discard(context: Context, operation: StoredOperation): Promise<StoredOperation> {
  refuseUnlessHeld(operation);
  const cancelled = await cancelWaiting(context.store.db, operation.id);
  nudgeFollowers(operation.id);
  return cancelled ?? (await findOperation(context.store.db, operation.id)) ?? operation;
}

function refuseUnlessHeld(operation: StoredOperation): void {
  if (operation.state === "awaiting-approval") return;
  throw new ProblemError(
    "not_awaiting_approval",
    `The operation is ${operation.state}; only one that awaits approval can be approved or discarded.`,
  );
}
