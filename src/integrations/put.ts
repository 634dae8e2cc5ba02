/** PUT: decides the request, then records the desired integration and its operation in one transaction. Makes no AWS call. */

import type { Credential, Writer } from "../model/caller.ts";
import { checkPrecondition, integrationEtag } from "../model/etag.ts";
import type { IntegrationRecord } from "../model/integration.ts";
import type { TenantRecord } from "../model/tenant.ts";
import { ProblemError } from "../problem.ts";
import { externalIdHolder, findForPut, type StoredState } from "../store/integrations.ts";
import { currentOperation, type StoredOperation } from "../store/operations.ts";
import { isTrustedPrincipal } from "../store/trusted-principals.ts";
import { accept, incarnationChanged, readAgain } from "./accept.ts";
import type { Context } from "./context.ts";
import { type Asked, type Decision, decide, outcomeOf } from "./decide.ts";
import { noTenant } from "./lookup.ts";
import { refuseClaimed } from "./resources/claims.ts";

export interface PutRequest extends Asked {
  /** an entity tag without its quotes, or `*` */
  ifMatch?: string;
  /** the caller's subject */
  requestedBy: string;
  /** The caller's credential; none for the service itself */
  credential?: Credential;
  /** The authors of the body. Default: the caller. */
  writers?: readonly Writer[];
}

export type PutOutcome = { tenant: TenantRecord; record: IntegrationRecord; etag: string; operation?: StoredOperation };

/** A request after the read: its decision, and the stored state. */
interface Reading extends Decision {
  tenant: TenantRecord;
  /** The etag of what is there now, also of a tombstone; undefined if nothing was ever there. */
  etagThere: string | undefined;
  /** Whether an operation of the integration is under way. */
  busy: boolean;
}

/** Throws if the stored state forbids the request. */
export type Refuse = (stored: StoredState) => void;

/** The checks of a decision that need the store. They run at once, and each refuses with its own code. */
const storeChecks: readonly ((context: Context, decision: Decision) => Promise<void>)[] = [
  (context, { next, before }) => refuseForeignIds(context, next, before),
  (context, { next, outside }) => refuseUntrusted(context, next.vendor, outside),
  ({ store }, { next, desired }) => refuseClaimed(store.db, desired.claims, next),
];

/**
 * Refuses a decision because of what others have. Every door asks here: REST, previews, and manifests.
 *
 * @throws ProblemError external_id_taken, untrusted_principal, claimed_by_another
 */
export async function refuseByStore(context: Context, decision: Decision): Promise<void> {
  await Promise.all(storeChecks.map((check) => check(context, decision)));
}

/**
 * Reads the body of a PUT or a preview, and decides it on the stored state.
 *
 * @throws ProblemError not_found, unknown_blueprint, invalid_parameters, external_id_superseded, external_id_taken, immutable_field,
 *   vendor_policy_refused, guardrail, untrusted_principal, claimed_by_another
 */
export async function readRequest(context: Context, request: PutRequest, refuse?: Refuse): Promise<Reading> {
  const stored = await findForPut(context.store.db, request.tenant, request.name);
  if (!stored) throw noTenant();
  refuse?.(stored);
  const { tenant, integration: found, busy, revoked } = stored;
  const before = found?.goneAt === undefined ? found : undefined;
  const decision = decide(request, { tenant, before, revoked, now: context.now(), service: context });
  await refuseByStore(context, decision);
  return { ...decision, tenant, busy, etagThere: found && integrationEtag(found) };
}

/**
 * Two tenants of one vendor with the same external id are the confused deputy problem. The refusal doesn't name the other tenant. Ids that
 * `before` has are allowed.
 */
export async function refuseForeignIds(
  context: Context,
  next: Pick<IntegrationRecord, "tenant" | "vendor" | "externalIds">,
  before?: Pick<IntegrationRecord, "vendor" | "externalIds">,
): Promise<void> {
  const held = before?.vendor === next.vendor ? before.externalIds.map(({ id }) => id) : [];
  for (const { id } of next.externalIds) {
    if (held.includes(id)) continue;
    const holder = await externalIdHolder(context.store.db, next.vendor, id);
    if (holder && holder.tenant !== next.tenant) {
      throw new ProblemError("external_id_taken", "This external id can't be used here. Get one of your own from the vendor.", {
        pointer: "/parameters/externalId",
      });
    }
  }
}

/**
 * Refuses a principal that is in none of our files, unless an administrator has put it on the list.
 *
 * @throws ProblemError untrusted_principal
 */
export async function refuseUntrusted(
  context: Context,
  vendor: string,
  principals: readonly { arn: string; pointer: string }[],
): Promise<void> {
  for (const { arn, pointer } of principals) {
    if (await isTrustedPrincipal(context.store.db, vendor, arn)) continue;
    throw new ProblemError(
      "untrusted_principal",
      `${arn} isn't on the list of trusted principals for vendor ${vendor}. An administrator adds it with PUT /v1/trusted-principals/{id}.`,
      { pointer },
    );
  }
}

/**
 * Accepts the desired integration. If nothing is left to do, there is no operation. If the same request is queued or running, it returns
 * that operation. Otherwise it opens a new one, which replaces a queued one.
 *
 * @throws ProblemError as readRequest and `refuse`, and precondition_required, precondition_failed
 */
export async function putIntegration(context: Context, request: PutRequest, refuse?: Refuse): Promise<PutOutcome> {
  // If somebody changed or destroyed the integration at the same moment, read again and decide on the new state.
  return readAgain(() => putOnce(context, request, refuse), ["changed", incarnationChanged]);
}

async function putOnce(context: Context, request: PutRequest, refuse?: Refuse): Promise<PutOutcome> {
  const reading = await readRequest(context, request, refuse);
  const { tenant, before, etagThere, next, desired, busy } = reading;
  const etag = integrationEtag(next);
  checkPrecondition(etagThere, request.ifMatch, before !== undefined && etag !== integrationEtag(before));
  const current = busy ? await currentOperation(context.store.db, tenant.name, next.name) : undefined;
  const outcome = outcomeOf(reading, current);
  if (outcome.to !== "open") return { tenant, record: outcome.record, etag, ...(outcome.operation && { operation: outcome.operation }) };
  const { isSame, replaces } = outcome;
  const operation = await accept(context, {
    kind: "up",
    next,
    basis: before,
    desired,
    replaces,
    requestedBy: request.requestedBy,
    credential: request.credential,
    wholly: true,
    // An unchanged manifest of a source contains nothing new. If somebody removed the integration meanwhile, it stays removed.
    ...(request.writers && { writers: isSame ? [] : request.writers }),
  });
  return { tenant, record: next, etag, operation };
}
