/** Records the desired integration and the operation that makes it so, in one transaction. */
import { randomUUID } from "node:crypto";
import { stackAddress } from "../../stacks/name.ts";
import { canonicalJson } from "../iam/words/policy-document.ts";
import { type Credential, legacyAuthor, type Writer } from "../model/caller.ts";
import type { Author, IntegrationRecord, UpRequest } from "../model/integration.ts";
import type { OperationKind } from "../model/operation.ts";
import { openOperation } from "../operations/open.ts";
import { ProblemError, problemOf } from "../problem.ts";
import type { Db } from "../store/database/transaction.ts";
import { findForUpdate, saveIntegration } from "../store/integrations.ts";
import { openOperations, type StoredOperation } from "../store/operations.ts";
import { lockName } from "../store/tenants.ts";
import { cancelWaiting } from "../store/transitions.ts";
import { refuseBeingRemoved } from "./being-removed.ts";
import type { Context } from "./context.ts";
import { upRequestOf } from "./desired-integration.ts";
import type { DesiredStacks } from "./desired-stacks.ts";
import { claim } from "./resources/claims.ts";

/** Kinds of operation that make a desired integration. */
export const updateKinds = ["up", "rotate", "adopt"] satisfies OperationKind[];

/**
 * Whether it makes a desired integration. A new request never ends an operation of another kind (a teardown, a key's deletion): the request
 * runs after it.
 */
export const isUpdate = (kind: OperationKind): boolean => (updateKinds as OperationKind[]).includes(kind);

export interface Acceptance {
  kind: (typeof updateKinds)[number];
  next: IntegrationRecord;
  /** The integration that `next` was made from, as it was read; undefined if there was none. */
  basis: IntegrationRecord | undefined;
  desired: Pick<DesiredStacks, "specs" | "claims">;
  /** What the operation makes. Default: the request in `next`. */
  request?: UpRequest;
  /** Further fields of the operation's request. */
  also?: Record<string, unknown>;
  /** The operation that this one replaces. It hasn't begun. */
  replaces?: StoredOperation | undefined;
  /** the caller's subject */
  requestedBy: string;
  /** The caller's; none for the service itself */
  credential?: Credential | undefined;
  /** The authors of what is new in `next`. Default: the caller. Empty if only time has passed. */
  writers?: readonly Writer[];
  /** Whether they wrote all of `next`. Then nothing is left that an unknown author wrote in an earlier release. */
  wholly?: boolean;
}

/**
 * Accepts the desired integration in `next`; returns the queued operation.
 *
 * @throws ProblemError tenant_offboarding; claimed_by_another; not_found with the cause `ended` or `removed`; precondition_failed with the cause `changed` when
 *   the integration is no longer what `next` was made from (`readAgain` then repeats the work)
 */
export async function accept(context: Context, acceptance: Acceptance): Promise<StoredOperation> {
  const { kind, next, basis, desired, request, also, replaces, requestedBy, credential, wholly = false } = acceptance;
  const { writers = [{ subject: requestedBy, ...(credential && { credential }) }] } = acceptance;
  return context.store.db.transaction().execute(async (trx) => {
    // Take the lock even if there is no row yet: if two requests make the integration at once, the second must see what the first made.
    await lockName(trx, { tenant: next.tenant });
    const { live, gone, offboarding } = await findForUpdate(trx, next.tenant, next.name);
    if (gone) throw new ProblemError("not_found", "There is no such tenant.");
    if (offboarding)
      throw new ProblemError("tenant_offboarding", `Tenant ${next.tenant} is being offboarded. Register it anew once that has ended.`);
    const alive = live?.goneAt === undefined ? live : undefined;
    if (basis !== undefined && alive?.createdAt !== basis.createdAt) throw ended(next.name);
    if (askedText(alive) !== askedText(basis)) throw changed(next.name);
    // This request contains nothing new, so a teardown that was requested meanwhile has priority.
    if (live !== undefined && writers.length === 0) await refuseBeingRemoved(trx, live);
    // What restores or narrows asks for nothing new: another tenant's claim must not stop the end of an overlap.
    if (writers.length > 0) await claim(trx, desired.claims, next);
    const id = randomUUID();
    const written = { ...next, authors: withWriters(wholly ? known(alive?.authors) : (alive?.authors ?? []), writers, id) };
    await writeAsked(trx, written, live);
    const operation = await openOperation(context, trx, {
      id,
      kind,
      tenant: next.tenant,
      integration: next.name,
      stacks: desired.specs.map((spec) => stackAddress(context.stateUrl, next.tenant, spec.kind, spec.key)),
      request: { ...(request ? { authors: [], ...request } : upRequestOf(written)), ...also },
      requestedBy,
      deadlineSeconds: context.operationSeconds,
    });
    // An approval of an older held plan would bring the older request back, so cancel it. A request that only restores what was approved
    // cancels none.
    const held = request === undefined ? await openOperations(trx, next.tenant, next.name, updateKinds) : [];
    const overtaken = held.filter(({ id, state }) => state === "awaiting-approval" && id !== operation.id && id !== replaces?.id);
    for (const one of [...(replaces ? [replaces] : []), ...overtaken]) await cancelWaiting(trx, one.id, { supersededBy: operation.id });
    return operation;
  });
}

/** A request that is based on an ended incarnation would bring it back, or overwrite the next incarnation. */
const ended = (name: string) =>
  new ProblemError("not_found", `Integration ${name} was destroyed while this was being accepted. PUT it anew if it is still wanted.`, {
    cause: incarnationChanged,
  });

export const incarnationChanged = "ended";

/** Without this refusal, the request would overwrite somebody else's change. */
const changed = (name: string) =>
  new ProblemError("precondition_failed", `Integration ${name} was changed while this was being accepted. GET it and send this again.`, {
    cause: "changed",
  });

/** How often a request reads again if others change the integration meanwhile. */
const MOST_LOOKS = 5;

/** Repeats the work if the integration was changed or destroyed between the read and the acceptance. */
export async function readAgain<T>(work: () => Promise<T>, causes: readonly string[] = ["changed"]): Promise<T> {
  for (let look = 1; ; look += 1) {
    try {
      return await work();
    } catch (error) {
      if (look === MOST_LOOKS || !causes.includes(problemOf(error).cause ?? "")) throw error;
    }
  }
}

/** Whether an operation ever began for it. From then on, the parameters in its roles' names can't change. */
export const hasBegun = ({ stacks, lastUp }: IntegrationRecord): boolean => stacks.length > 0 || lastUp !== undefined;

/** The fields that a request writes. Stacks, proof and the like belong to the operations, which may be recording them now. */
function askedIn(record: IntegrationRecord) {
  const { blueprint, vendor, version, parameters, settings, externalIds, supersededIds, vendorPolicy } = record;
  return { blueprint, vendor, version, parameters, settings, externalIds, supersededIds, ...(vendorPolicy && { vendorPolicy }) };
}

const askedText = (record: IntegrationRecord | undefined): string =>
  record ? canonicalJson({ ...askedIn(record), begun: hasBegun(record) }) : "";

async function writeAsked(trx: Db, next: IntegrationRecord, live: IntegrationRecord | undefined): Promise<void> {
  const { handshake, updatedAt, authors = [] } = next;
  if (live && live.goneAt === undefined) return saveIntegration(trx, { ...live, ...askedIn(next), handshake, updatedAt, authors }, live);
  // Replace the tombstone, but keep its retained keys: the next stacks can adopt them.
  await saveIntegration(trx, { ...next, ...(live?.retained && { retained: live.retained }) });
}

const known = (authors: readonly Author[] = []): Author[] => authors.filter(({ subject }) => subject !== legacyAuthor);

/** Keeps one entry for each subject, the newest. An older operation that ends removes only its own entries. */
function withWriters(authors: readonly Author[], writers: readonly Writer[], operation: string): Author[] {
  const added = new Map(writers.map((writer) => [writer.subject, { ...writer, operation }]));
  return [...authors.filter(({ subject }) => !added.has(subject)), ...added.values()];
}
