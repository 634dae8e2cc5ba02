/** Writes down what an integration should become, and the operation that makes it so, in one transaction. */
import { stackAddress } from "../../stacks/name.ts";
import { jobOf } from "../operations/job.ts";
import type { OperationKind } from "../operations/operation.ts";
import { ProblemError } from "../problem.ts";
import { findForWish, saveIntegration } from "../store/integrations.ts";
import { createOperation, type StoredOperation } from "../store/operations.ts";
import type { IntegrationRecord } from "../store/records.ts";
import type { Db } from "../store/transaction.ts";
import { cancelWaiting } from "../store/transitions.ts";
import type { Desired } from "./desired-stacks.ts";
import type { Shell } from "./shell.ts";
import { upRequestOf } from "./wish.ts";

/** Kinds of operation that make what somebody wished for. */
export const wishKinds = ["up", "rotate", "adopt"] satisfies OperationKind[];

export interface Acceptance {
  kind: (typeof wishKinds)[number];
  next: IntegrationRecord;
  /** Of the integration that `next` was made from, when its life began; nothing where none was there. */
  life: string | undefined;
  desired: Pick<Desired, "specs">;
  /** What the operation's request holds beside the wish. */
  also?: Record<string, unknown>;
  /** Not begun yet: what it would do is overtaken. */
  replaces?: StoredOperation | undefined;
  /** the caller's subject */
  requestedBy: string;
}

/** Accepts the wish in `next`; answers the queued operation. @throws ProblemError tenant_offboarding; not_found with the cause `ended` */
export async function accept(shell: Shell, acceptance: Acceptance): Promise<StoredOperation> {
  const { kind, next, life, desired, also, replaces, requestedBy } = acceptance;
  return shell.store.db.transaction().execute(async (trx) => {
    const { live, offboarding } = await findForWish(trx, next.tenant, next.name);
    if (offboarding)
      throw new ProblemError("tenant_offboarding", `Tenant ${next.tenant} is being offboarded. Register it anew once that has ended.`);
    if (life !== undefined && (live?.goneAt !== undefined || live?.createdAt !== life)) throw ended(next.name);
    await writeWish(trx, next, live);
    const operation = await createOperation(trx, {
      kind,
      tenant: next.tenant,
      integration: next.name,
      stacks: desired.specs.map((spec) => stackAddress(shell.stateUrl, next.tenant, spec.kind, spec.key)),
      request: { ...upRequestOf(next), ...also },
      requestedBy,
      deadlineSeconds: shell.operationSeconds,
    });
    if (replaces) await cancelWaiting(trx, replaces.id, { supersededBy: operation.id });
    await shell.queue.enqueue(trx, jobOf(operation));
    return operation;
  });
}

/** A wish that was made from a life which has ended would bring back what that one had, or write it over the next one. */
const ended = (name: string) =>
  new ProblemError("not_found", `Integration ${name} was destroyed while this was being accepted. PUT it anew if it is still wanted.`, {
    cause: lifeEnded,
  });

export const lifeEnded = "ended";

/** Only what was asked for is written: stacks, proof and the like belong to the operations, which may be recording them now. */
async function writeWish(trx: Db, next: IntegrationRecord, live: IntegrationRecord | undefined): Promise<void> {
  const { blueprint, vendor, version, parameters, settings, externalIds, supersededIds, handshake, updatedAt, vendorPolicy } = next;
  const wish = { blueprint, vendor, version, parameters, settings, externalIds, supersededIds, handshake, updatedAt };
  if (live && live.goneAt === undefined) return saveIntegration(trx, { ...live, ...wish, ...(vendorPolicy && { vendorPolicy }) }, live);
  // A tombstone makes room; the keys that it left are still there to be taken in.
  await saveIntegration(trx, { ...next, ...(live?.retained && { retained: live.retained }) });
}
