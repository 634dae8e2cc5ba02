/** Writes down what an integration should become, and the operation that makes it so, in one transaction. */
import { randomUUID } from "node:crypto";
import { stackAddress } from "../../stacks/name.ts";
import { canonicalJson } from "../iam/words/policy-document.ts";
import { legacyAuthor } from "../model/caller.ts";
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

/** Kinds of operation that make what somebody wished for. */
export const updateKinds = ["up", "rotate", "adopt"] satisfies OperationKind[];

/** Whether it makes what somebody wished for. Others (a teardown, a key's deletion) no request of an integration ends: it runs after them. */
export const isUpdate = (kind: OperationKind): boolean => (updateKinds as OperationKind[]).includes(kind);

export interface Acceptance {
  kind: (typeof updateKinds)[number];
  next: IntegrationRecord;
  /** What `next` was made from: the integration as it was read, undefined where none was there. */
  basis: IntegrationRecord | undefined;
  desired: Pick<DesiredStacks, "specs">;
  /** What the operation makes: what `next` says, unless told. */
  request?: UpRequest;
  /** What the operation's request holds beside that. */
  also?: Record<string, unknown>;
  /** Not begun yet: what it would do is overtaken. */
  replaces?: StoredOperation | undefined;
  /** the caller's subject */
  requestedBy: string;
  /** Who wrote what is new in `next`: the caller, unless told. Nobody, where only time has passed. */
  writers?: readonly string[];
  /** Whether they wrote all of it, so that nothing is left of what an unknown author wrote in an earlier release. */
  wholly?: boolean;
}

/**
 * Accepts the wish in `next`; answers the queued operation.
 *
 * @throws ProblemError tenant_offboarding; not_found with the cause `ended` or `removed`; precondition_failed with the cause `changed` when the
 *   integration isn't what `next` was made from any more: `readAgain` does the work again then
 */
export async function accept(context: Context, acceptance: Acceptance): Promise<StoredOperation> {
  const { kind, next, basis, desired, request, also, replaces, requestedBy, writers = [requestedBy], wholly = false } = acceptance;
  return context.store.db.transaction().execute(async (trx) => {
    // Also where there is no row yet: of two who make it at once the second has to see what the first made.
    await lockName(trx, { tenant: next.tenant });
    const { live, gone, offboarding } = await findForUpdate(trx, next.tenant, next.name);
    if (gone) throw new ProblemError("not_found", "There is no such tenant.");
    if (offboarding)
      throw new ProblemError("tenant_offboarding", `Tenant ${next.tenant} is being offboarded. Register it anew once that has ended.`);
    const alive = live?.goneAt === undefined ? live : undefined;
    if (basis !== undefined && alive?.createdAt !== basis.createdAt) throw ended(next.name);
    if (askedText(alive) !== askedText(basis)) throw changed(next.name);
    // Nobody asked for anything new: a teardown that was asked for meanwhile goes first.
    if (live !== undefined && writers.length === 0) await refuseBeingRemoved(trx, live);
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
    // A held plan of an earlier wish would bring that back; what only restores what was approved leaves it.
    const held = request === undefined ? await openOperations(trx, next.tenant, next.name, updateKinds) : [];
    const overtaken = held.filter(({ id, state }) => state === "awaiting-approval" && id !== operation.id && id !== replaces?.id);
    for (const one of [...(replaces ? [replaces] : []), ...overtaken]) await cancelWaiting(trx, one.id, { supersededBy: operation.id });
    return operation;
  });
}

/** A wish that was made from a life which has ended would bring back what that one had, or write it over the next one. */
const ended = (name: string) =>
  new ProblemError("not_found", `Integration ${name} was destroyed while this was being accepted. PUT it anew if it is still wanted.`, {
    cause: incarnationChanged,
  });

export const incarnationChanged = "ended";

/** Somebody else's change would be lost under this one. */
const changed = (name: string) =>
  new ProblemError("precondition_failed", `Integration ${name} was changed while this was being accepted. GET it and send this again.`, {
    cause: "changed",
  });

/** How often a request looks again at what others change meanwhile. */
const MOST_LOOKS = 5;

/** Does the work again when what it had read was changed or destroyed before it could be accepted. */
export async function readAgain<T>(work: () => Promise<T>, causes: readonly string[] = ["changed"]): Promise<T> {
  for (let look = 1; ; look += 1) {
    try {
      return await work();
    } catch (error) {
      if (look === MOST_LOOKS || !causes.includes(problemOf(error).cause ?? "")) throw error;
    }
  }
}

/** Whether anything was ever done for it: from then on what its roles' names are made from stays. */
export const hasBegun = ({ stacks, lastUp }: IntegrationRecord): boolean => stacks.length > 0 || lastUp !== undefined;

/** What is written of a wish: stacks, proof and the like belong to the operations, which may be recording them now. */
function askedIn(record: IntegrationRecord) {
  const { blueprint, vendor, version, parameters, settings, externalIds, supersededIds, vendorPolicy } = record;
  return { blueprint, vendor, version, parameters, settings, externalIds, supersededIds, ...(vendorPolicy && { vendorPolicy }) };
}

const askedText = (record: IntegrationRecord | undefined): string =>
  record ? canonicalJson({ ...askedIn(record), begun: hasBegun(record) }) : "";

async function writeAsked(trx: Db, next: IntegrationRecord, live: IntegrationRecord | undefined): Promise<void> {
  const { handshake, updatedAt, authors = [] } = next;
  if (live && live.goneAt === undefined) return saveIntegration(trx, { ...live, ...askedIn(next), handshake, updatedAt, authors }, live);
  // A tombstone makes room; the keys that it left are still there to be taken in.
  await saveIntegration(trx, { ...next, ...(live?.retained && { retained: live.retained }) });
}

const known = (authors: readonly Author[] = []): Author[] => authors.filter(({ subject }) => subject !== legacyAuthor);

/** One entry for each subject, its newest: an older operation that ends takes away its own alone. */
function withWriters(authors: readonly Author[], writers: readonly string[], operation: string): Author[] {
  const added = [...new Set(writers)].map((subject) => ({ subject, operation }));
  return [...authors.filter(({ subject }) => !writers.includes(subject)), ...added];
}
