/** PUT: decide the desired stacks, then record the wish and its operation in one transaction. No AWS call is made here. */

import type { Blueprint } from "../blueprints/parts/blueprint.ts";
import { blueprints } from "../blueprints/registry.ts";
import { canonicalJson, type PolicyDocument } from "../iam/words/policy-document.ts";
import { legacyAuthor } from "../model/caller.ts";
import { checkPrecondition, integrationEtag } from "../model/etag.ts";
import type { IntegrationRecord } from "../model/integration.ts";
import type { TenantRecord } from "../model/tenant.ts";
import { ProblemError } from "../problem.ts";
import { externalIdHolder, findForPut, type Met } from "../store/integrations.ts";
import { currentOperation, type StoredOperation } from "../store/operations.ts";
import { isTrustedPrincipal } from "../store/trusted-principals.ts";
import { accept, hasBegun, isWish, lifeEnded, readAgain } from "./accept.ts";
import { type Desired, desiredStacks, parseParameters, requireBlueprint } from "./desired-stacks.ts";
import { nextExternalIds } from "./external-ids.ts";
import { handshakeOf } from "./handshake.ts";
import { refuseServiceResources } from "./own-resources.ts";
import type { Shell } from "./shell.ts";
import { noTenant } from "./subject.ts";
import { upRequestOf, wishWhile } from "./wish.ts";

export interface PutRequest {
  tenant: string;
  name: string;
  body: { blueprint: string; version?: string; parameters: Record<string, unknown>; settings?: Record<string, unknown> };
  /** an entity tag without its quotes, or `*` */
  ifMatch?: string;
  /** the caller's subject */
  requestedBy: string;
  /** Who wrote the body: the caller, unless told. */
  writers?: readonly string[];
}

export type PutOutcome = { tenant: TenantRecord; record: IntegrationRecord; etag: string; operation?: StoredOperation };

/** A request as read: what the integration would become, and what that amounts to. */
interface Reading {
  /** Of what is there now, a tombstone included; undefined where nothing ever was. */
  etagThere: string | undefined;
  before: IntegrationRecord | undefined;
  next: IntegrationRecord;
  desired: Desired;
  /** Whether an operation of it is under way. */
  busy: boolean;
}

/** Throws where what a request meets forbids it. */
export type Refuse = (met: Met) => void;

/**
 * Reads a PUT or preview body against what is there.
 *
 * @throws ProblemError not_found, unknown_blueprint, invalid_parameters, external_id_superseded, external_id_taken, immutable_field,
 *   vendor_policy_refused, guardrail
 */
export async function readRequest(shell: Shell, request: PutRequest, refuse?: Refuse): Promise<Reading & { tenant: TenantRecord }> {
  const met = await findForPut(shell.store.db, request.tenant, request.name);
  if (!met) throw noTenant();
  refuse?.(met);
  const { tenant, integration: found, busy } = met;
  const before = found?.goneAt === undefined ? found : undefined;
  const next = nextRecord(request, before, shell.now());
  const outside = requireBlueprint(next.blueprint, next.version).outsidePrincipals?.(next.parameters) ?? [];
  await Promise.all([refuseForeignIds(shell, next, before), refuseUntrusted(shell, next.vendor, outside)]);
  const wish = wishWhile({ now: shell.now(), revoked: met.revoked.get(next.vendor) }, upRequestOf(next), next.name);
  const desired = desiredStacks(tenant, wish);
  refuseServiceResources(shell, desired);
  return { tenant, before, etagThere: found && integrationEtag(found), next, desired, busy };
}

/**
 * Refuses a body that no integration could have, whatever is there. Without a version the integration's own may count: then one that
 * can read it is enough.
 *
 * @throws ProblemError unknown_blueprint, invalid_parameters
 */
export function refuseUnreadable({ blueprint: id, version, parameters }: PutRequest["body"]): void {
  const newest = requireBlueprint(id, version);
  const { externalId: _id, ...rest } = parameters;
  const others = version === undefined ? blueprints.filter((one) => one.id === id && one !== newest) : [];
  if (others.some((one) => one.parameters.safeParse(rest).success)) return;
  parseParameters(newest, rest);
}

/** What the integration becomes by this request. Pure. */
export function nextRecord({ tenant, name, body }: PutRequest, before: IntegrationRecord | undefined, now: string): IntegrationRecord {
  if (before && before.blueprint !== body.blueprint) {
    throw new ProblemError(
      "immutable_field",
      `Integration ${name} is made from ${before.blueprint}. Use another name for ${body.blueprint}.`,
      { pointer: "/blueprint" },
    );
  }
  const blueprint = requireBlueprint(body.blueprint, body.version ?? before?.version);
  const { externalId, ...parameters } = body.parameters;
  if (externalId !== undefined && typeof externalId !== "string") {
    throw new ProblemError("invalid_parameters", "An external id is text.", { pointer: "/parameters/externalId" });
  }
  const ids = nextExternalIds({ rule: blueprint.externalId, given: externalId, before, now, pointer: "/parameters/externalId" });
  const read = parseParameters(blueprint, parameters);
  if (before && hasBegun(before)) refuseMoved(blueprint, before.parameters, read);
  if (before?.vendorPolicy) refuseBesidePolicy(blueprint, before.vendorPolicy, read);
  const record = before ?? { stacks: [], createdAt: now, handshake: { state: "awaiting-external-id" as const, awaiting: [] } };
  const next: IntegrationRecord = {
    ...record,
    ...ids,
    tenant,
    name,
    blueprint: blueprint.id,
    vendor: blueprint.vendorNamed?.(read) ?? blueprint.vendor,
    version: blueprint.version,
    parameters: read,
    settings: body.settings ?? before?.settings ?? {},
    updatedAt: now,
  };
  return { ...next, handshake: handshakeOf({ blueprint, record: next, proof: undefined, now }) };
}

/**
 * What a role's name is made from stays once there is anything: another name would be another role, which nothing that trusts the
 * first would know. Before that it may change, which is the way out when a name turns out to be taken.
 */
function refuseMoved(blueprint: Blueprint, before: Record<string, unknown>, after: Record<string, unknown>): void {
  const moved = blueprint.immutable.find((field) => canonicalJson(before[field]) !== canonicalJson(after[field]));
  if (moved === undefined) return;
  throw new ProblemError("immutable_field", `${moved} can't change once the integration exists. Make another integration.`, {
    pointer: `/parameters/${moved}`,
  });
}

/**
 * A policy that the vendor issued stays attached word for word, so parameters that say something else would change nothing: they are
 * refused rather than ignored.
 */
function refuseBesidePolicy(blueprint: Blueprint, policy: PolicyDocument, parameters: Record<string, unknown>): void {
  const faults = blueprint.vendorPolicy?.check(policy, parameters) ?? [];
  if (faults.length === 0) return;
  throw new ProblemError(
    "vendor_policy_refused",
    `The policy that the vendor issued stays attached, and it doesn't fit these parameters. ${faults.join(" ")} Leave them out, and send the vendor's new policy with POST …/vendor-policy.`,
    { pointer: "/parameters" },
  );
}

/** The same id for two tenants of one vendor is the confused deputy itself; the refusal names no owner. What `before` has is its own. */
export async function refuseForeignIds(
  shell: Shell,
  next: Pick<IntegrationRecord, "tenant" | "vendor" | "externalIds">,
  before?: Pick<IntegrationRecord, "vendor" | "externalIds">,
): Promise<void> {
  const held = before?.vendor === next.vendor ? before.externalIds.map(({ id }) => id) : [];
  for (const { id } of next.externalIds) {
    if (held.includes(id)) continue;
    const holder = await externalIdHolder(shell.store.db, next.vendor, id);
    if (holder && holder.tenant !== next.tenant) {
      throw new ProblemError("external_id_taken", "This external id can't be used here. Get one of your own from the vendor.", {
        pointer: "/parameters/externalId",
      });
    }
  }
}

/**
 * A principal that no file of ours names needs an administrator's word.
 *
 * @throws ProblemError untrusted_principal
 */
export async function refuseUntrusted(
  shell: Shell,
  vendor: string,
  principals: readonly { arn: string; pointer: string }[],
): Promise<void> {
  for (const { arn, pointer } of principals) {
    if (await isTrustedPrincipal(shell.store.db, vendor, arn)) continue;
    throw new ProblemError(
      "untrusted_principal",
      `${arn} isn't on the list of trusted principals for vendor ${vendor}. An administrator adds it with PUT /v1/trusted-principals/{id}.`,
      { pointer },
    );
  }
}

/**
 * Accepts what the integration should be. Nothing to do: no operation. The same as what is queued or running: that operation.
 * Otherwise a new one, which replaces one that is still queued.
 *
 * @throws ProblemError as readRequest and `refuse`, and precondition_required, precondition_failed
 */
export async function putIntegration(shell: Shell, request: PutRequest, refuse?: Refuse): Promise<PutOutcome> {
  // What somebody else changed or destroyed in the same moment: looking again tells what that means for this request.
  return readAgain(() => putOnce(shell, request, refuse), ["changed", lifeEnded]);
}

/** Whether a teardown was asked for that didn't end: what it closed is open again only by an update, also of the same body. */
const teardownBegan = ({ closedByTeardown, handshake }: IntegrationRecord): boolean =>
  closedByTeardown === true || handshake.state === "offboarding";

/** Whether an operation makes just this: one that time or a repair began may make less. */
function isAskedFor({ request }: StoredOperation, next: IntegrationRecord): boolean {
  const { authors: _who, ...carried } = request;
  const { authors: _authors, ...asked } = upRequestOf(next);
  return canonicalJson(carried) === canonicalJson(asked);
}

async function putOnce(shell: Shell, request: PutRequest, refuse?: Refuse): Promise<PutOutcome> {
  const { tenant, before, etagThere, next, desired, busy } = await readRequest(shell, request, refuse);
  const etag = integrationEtag(next);
  const etagBefore = before && integrationEtag(before);
  checkPrecondition(etagThere, request.ifMatch, before !== undefined && etag !== etagBefore);
  const current = busy ? await currentOperation(shell.store.db, tenant.name, next.name) : undefined;
  // What an unknown author asked for is asked for anew: somebody has to answer for it.
  const isAnswered = before?.authors?.some(({ subject }) => subject === legacyAuthor) !== true;
  const isSame = etag === etagBefore && isAnswered;
  if (before && isSame) {
    if (current?.kind === "up" && isAskedFor(current, next)) return { tenant, record: before, etag, operation: current };
    const settled = before.lastUp?.succeeded === true && before.lastUp.specHash === desired.specHash && !teardownBegan(before);
    if (settled && current === undefined) return { tenant, record: before, etag };
  }
  const operation = await accept(shell, {
    kind: "up",
    next,
    basis: before,
    desired,
    replaces: current && current.state !== "running" && isWish(current.kind) ? current : undefined,
    requestedBy: request.requestedBy,
    wholly: true,
    // A source whose manifest is as it was asks for nothing new: what somebody took down meanwhile stays down.
    ...(request.writers && { writers: isSame ? [] : request.writers }),
  });
  return { tenant, record: next, etag, operation };
}
