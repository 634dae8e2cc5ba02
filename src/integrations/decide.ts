/**
 * The decision on a request for an integration: the record that it would become, the stacks that make it so, and whether anything is left
 * to do. Pure: REST, previews and manifests all decide here.
 */
import type { Blueprint } from "../blueprints/parts/blueprint.ts";
import { blueprints } from "../blueprints/registry.ts";
import { canonicalJson } from "../iam/words/policy-document.ts";
import { legacyAuthor } from "../model/caller.ts";
import { integrationEtag } from "../model/etag.ts";
import type { IntegrationRecord } from "../model/integration.ts";
import type { TenantRecord } from "../model/tenant.ts";
import { ProblemError } from "../problem.ts";
import type { StoredOperation } from "../store/operations.ts";
import { hasBegun, isUpdate } from "./accept.ts";
import type { ServiceResources } from "./context.ts";
import { desiredIntegrationAt, upRequestOf } from "./desired-integration.ts";
import { type DesiredStacks, desiredStacks, parseParameters, requireBlueprint } from "./desired-stacks.ts";
import { nextExternalIds } from "./external-ids.ts";
import { handshakeOf } from "./handshake.ts";
import { refuseServiceResources } from "./resources/own-resources.ts";

/** An integration as somebody requests it. */
export interface Asked {
  tenant: string;
  name: string;
  body: { blueprint: string; version?: string; parameters: Record<string, unknown>; settings?: Record<string, unknown> };
}

/** What is known when a request is decided. */
export interface Known {
  tenant: TenantRecord;
  /** The integration as it is; a tombstone counts as none */
  before: IntegrationRecord | undefined;
  /** The revoked vendors, each with the time of its revocation (RFC 3339) */
  revoked: ReadonlyMap<string, string>;
  /** RFC 3339 */
  now: string;
  service: ServiceResources;
}

export interface Decision {
  before: IntegrationRecord | undefined;
  next: IntegrationRecord;
  desired: DesiredStacks;
  /** Principals that the request names and that none of our files contains, and where the request names them */
  outside: readonly { arn: string; pointer: string }[];
}

/**
 * Decides a request.
 *
 * @throws ProblemError unknown_blueprint, invalid_parameters, external_id_superseded, immutable_field, vendor_policy_refused, guardrail
 */
export function decide(asked: Asked, { tenant, before, revoked, now, service }: Known): Decision {
  const next = nextRecord(asked, before, now);
  const outside = requireBlueprint(next.blueprint, next.version).outsidePrincipals?.(next.parameters) ?? [];
  const desired = desiredStacks(tenant, desiredIntegrationAt({ now, revoked: revoked.get(next.vendor) }, upRequestOf(next), next.name));
  refuseServiceResources(service, desired);
  return { before, next, desired, outside };
}

/**
 * Refuses a body that no integration could have, whatever exists. Without a version, the version of the existing integration may apply.
 * Then it is enough that one version can read the body.
 *
 * @throws ProblemError unknown_blueprint, invalid_parameters
 */
export function refuseUnreadable({ blueprint: id, version, parameters }: Asked["body"]): void {
  const newest = requireBlueprint(id, version);
  const { externalId: _id, ...rest } = parameters;
  const others = version === undefined ? blueprints.filter((one) => one.id === id && one !== newest) : [];
  if (others.some((one) => one.parameters.safeParse(rest).success)) return;
  parseParameters(newest, rest);
}

/** A change of an existing integration. */
interface Change {
  blueprint: Blueprint;
  before: IntegrationRecord;
  parameters: Record<string, unknown>;
}

/** The checks of a change, in this order. Each refuses with its own code. */
const changeChecks: readonly ((change: Change) => void)[] = [refuseMoved, refuseBesidePolicy];

/** The integration's record after this request. Pure. */
export function nextRecord({ tenant, name, body }: Asked, before: IntegrationRecord | undefined, now: string): IntegrationRecord {
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
  if (before) for (const check of changeChecks) check({ blueprint, before, parameters: read });
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
 * The parameters in a role's name can't change once anything was made: another name is another role, and nothing that trusts the first role
 * would know it. Before that they may change, so that a user can choose another name if one is taken.
 */
function refuseMoved({ blueprint, before, parameters }: Change): void {
  if (!hasBegun(before)) return;
  const moved = blueprint.immutable.find((field) => canonicalJson(before.parameters[field]) !== canonicalJson(parameters[field]));
  if (moved === undefined) return;
  throw new ProblemError("immutable_field", `${moved} can't change once the integration exists. Make another integration.`, {
    pointer: `/parameters/${moved}`,
  });
}

/**
 * A policy that the vendor issued stays attached word for word. Parameters that contradict it would change nothing, so they are refused
 * instead of ignored.
 */
function refuseBesidePolicy({ blueprint, before, parameters }: Change): void {
  if (before.vendorPolicy === undefined) return;
  const faults = blueprint.vendorPolicy?.check(before.vendorPolicy, parameters) ?? [];
  if (faults.length === 0) return;
  throw new ProblemError(
    "vendor_policy_refused",
    `The policy that the vendor issued stays attached, and it doesn't fit these parameters. ${faults.join(" ")} Leave them out, and send the vendor's new policy with POST …/vendor-policy.`,
    { pointer: "/parameters" },
  );
}

/** Whether a teardown was requested and didn't end. Only an update opens again what it closed, so even the same body needs one. */
const teardownBegan = ({ closedByTeardown, handshake }: IntegrationRecord): boolean =>
  closedByTeardown === true || handshake.state === "offboarding";

/** Whether the operation makes exactly this request. An operation that a timer or a repair started may make less. */
function isAskedFor({ request }: StoredOperation, next: IntegrationRecord): boolean {
  const { authors: _who, ...carried } = request;
  const { authors: _authors, ...asked } = upRequestOf(next);
  return canonicalJson(carried) === canonicalJson(asked);
}

/** What is left to do. `stay` means nothing new; `record` is then the current one. */
export type Outcome =
  | { to: "stay"; record: IntegrationRecord; operation?: StoredOperation }
  /** `isSame`: the record already says what the request says */
  | { to: "open"; isSame: boolean; replaces: StoredOperation | undefined };

/**
 * Returns `stay` if nothing is left to do, or if an operation already makes exactly this. Else the request opens an operation, which
 * replaces one that hasn't begun.
 */
export function outcomeOf({ before, next, desired }: Decision, current: StoredOperation | undefined): Outcome {
  // If an unknown author wrote the record, accept the same request anew: somebody must be accountable for it.
  const isAnswered = before?.authors?.some(({ subject }) => subject === legacyAuthor) !== true;
  const isSame = integrationEtag(next) === (before && integrationEtag(before)) && isAnswered;
  if (before && isSame) {
    if (current?.kind === "up" && isAskedFor(current, next)) return { to: "stay", record: before, operation: current };
    const isSettled = before.lastUp?.succeeded === true && before.lastUp.specHash === desired.specHash && !teardownBegan(before);
    if (isSettled && current === undefined) return { to: "stay", record: before };
  }
  return { to: "open", isSame, replaces: current && current.state !== "running" && isUpdate(current.kind) ? current : undefined };
}
