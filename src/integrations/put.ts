/** PUT: decide what is asked for, then record the wish and its operation in one transaction. No AWS call is made here. */

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

export interface PutRequest extends Asked {
  /** an entity tag without its quotes, or `*` */
  ifMatch?: string;
  /** the caller's subject */
  requestedBy: string;
  /** Who wrote the body: the caller, unless told. */
  writers?: readonly string[];
}

export type PutOutcome = { tenant: TenantRecord; record: IntegrationRecord; etag: string; operation?: StoredOperation };

/** A request as read: what it comes to, and what it meets. */
interface Reading extends Decision {
  tenant: TenantRecord;
  /** Of what is there now, a tombstone included; undefined where nothing ever was. */
  etagThere: string | undefined;
  /** Whether an operation of it is under way. */
  busy: boolean;
}

/** Throws where what a request meets forbids it. */
export type Refuse = (stored: StoredState) => void;

/** What a decision has to pass that only the store knows; all are asked at once, and each refuses with a code of its own. */
const storeChecks: readonly ((context: Context, decision: Decision) => Promise<void>)[] = [
  (context, { next, before }) => refuseForeignIds(context, next, before),
  (context, { next, outside }) => refuseUntrusted(context, next.vendor, outside),
];

/**
 * Reads a PUT or preview body against what is there.
 *
 * @throws ProblemError not_found, unknown_blueprint, invalid_parameters, external_id_superseded, external_id_taken, immutable_field,
 *   vendor_policy_refused, guardrail, untrusted_principal
 */
export async function readRequest(context: Context, request: PutRequest, refuse?: Refuse): Promise<Reading> {
  const stored = await findForPut(context.store.db, request.tenant, request.name);
  if (!stored) throw noTenant();
  refuse?.(stored);
  const { tenant, integration: found, busy, revoked } = stored;
  const before = found?.goneAt === undefined ? found : undefined;
  const decision = decide(request, { tenant, before, revoked, now: context.now(), service: context });
  await Promise.all(storeChecks.map((check) => check(context, decision)));
  return { ...decision, tenant, busy, etagThere: found && integrationEtag(found) };
}

/** The same id for two tenants of one vendor is the confused deputy itself; the refusal names no owner. What `before` has is its own. */
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
 * A principal that no file of ours names needs an administrator's word.
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
 * Accepts what the integration should be. Nothing to do: no operation. The same as what is queued or running: that operation.
 * Otherwise a new one, which replaces one that is still queued.
 *
 * @throws ProblemError as readRequest and `refuse`, and precondition_required, precondition_failed
 */
export async function putIntegration(context: Context, request: PutRequest, refuse?: Refuse): Promise<PutOutcome> {
  // What somebody else changed or destroyed in the same moment: looking again tells what that means for this request.
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
    wholly: true,
    // A source whose manifest is as it was asks for nothing new: what somebody took down meanwhile stays down.
    ...(request.writers && { writers: isSame ? [] : request.writers }),
  });
  return { tenant, record: next, etag, operation };
}
