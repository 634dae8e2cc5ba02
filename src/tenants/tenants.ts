/** Tenants: an account, a region and the access to it. Two tenants never learn of each other. */
import { generateExternalId } from "../iam/words/external-id.ts";
import type { PolicyDocument } from "../iam/words/policy-document.ts";
import type { Context } from "../integrations/context.ts";
import { holdsScope, type Rights } from "../model/caller.ts";
import { checkPrecondition, tenantEtag } from "../model/etag.ts";
import type { TenantAccess, TenantRecord } from "../model/tenant.ts";
import { ProblemError } from "../problem.ts";
import { forgetRefusals, wayIn } from "../store/account-refusals.ts";
import { claimAccount, claimantsOfAccount } from "../store/claims/accounts.ts";
import { changeIntegration, listIntegrations } from "../store/integrations.ts";
import { findTenant, lockName, saveTenant } from "../store/tenants.ts";

export interface TenantSpec {
  accountId: string;
  region: string;
  access: TenantAccess;
  permissionsBoundaryArn?: string;
  tags?: Record<string, string>;
}

interface PutTenant {
  name: string;
  body: TenantSpec;
  ifMatch?: string;
  /** Who asks. Only a caller of every tenant gives an account to another tenant than the one that has or had it. */
  by: Rights;
}

/**
 * Registers a tenant or changes it. Each registration makes its own provisioning external id. A tenant that is registered again gets
 * another id, so a role that still trusts the old one doesn't open.
 *
 * @throws ProblemError immutable_field, access_mode_disabled, forbidden, account_already_registered, account_mismatch,
 *   precondition_required, precondition_failed
 */
export async function putTenant(
  context: Context,
  { name, body, ifMatch, by }: PutTenant,
): Promise<{ created: boolean; tenant: TenantRecord; etag: string }> {
  return context.store.db.transaction().execute(async (trx) => {
    await lockName(trx, { tenant: name });
    const before = await findTenant(trx, name);
    await refuseTenant(context, trx, { name, body, by }, before);
    const now = context.now();
    const { permissionsBoundaryArn: boundary } = body;
    const tenant: TenantRecord = {
      name,
      accountId: body.accountId,
      region: body.region,
      access: body.access,
      ...(boundary && { permissionsBoundaryArn: boundary }),
      tags: body.tags ?? {},
      provisioningExternalId: before?.provisioningExternalId ?? generateExternalId(),
      createdAt: before?.createdAt ?? now,
      updatedAt: now,
    };
    const etag = tenantEtag(tenant);
    const etagBefore = before && tenantEtag(before);
    checkPrecondition(etagBefore, ifMatch, etag !== etagBefore);
    const isSame = before !== undefined && etag === etagBefore;
    // A caller who registers a role, even the same one again, wants a new attempt. So forget earlier refusals.
    const way = wayIn(tenant);
    if (way !== undefined) await forgetRefusals(trx, way);
    await claimAccount(trx, tenant, by.tenants === "*");
    if (isSame) return { created: false, tenant: before, etag };
    await saveTenant(trx, tenant);
    if (before) await markStale(trx, name);
    return { created: before === undefined, tenant, etag };
  });
}

function refuseUnusableAccess(context: Pick<Context, "ownCredentials">, { access, accountId }: TenantSpec): void {
  if (access.mode === "own-credentials" && !context.ownCredentials) {
    throw new ProblemError(
      "access_mode_disabled",
      "own-credentials is switched off here. Use assume-role with a provisioning role, or have an operator set DRAWBRIDGE_OWN_CREDENTIALS=true.",
      { pointer: "/access/mode" },
    );
  }
  if (access.mode === "assume-role" && access.roleArn.split(":")[4] !== accountId) {
    throw new ProblemError("account_mismatch", "The provisioning role belongs to another account than accountId.", {
      pointer: "/access/roleArn",
    });
  }
}

/**
 * Refuses what a tenant can't become, whoever sends the request.
 *
 * @throws ProblemError immutable_field, access_mode_disabled, forbidden, account_already_registered, account_mismatch
 */
export async function refuseTenant(
  context: Pick<Context, "ownCredentials">,
  db: Context["store"]["db"],
  { name, body, by }: Omit<PutTenant, "ifMatch">,
  before: TenantRecord | undefined,
): Promise<void> {
  refuseUnusableAccess(context, body);
  if (before && tenantEtag(before) === tenantEtag({ ...body, tags: body.tags ?? {} })) return;
  refuseOwnAccount([body.access, before?.access], by);
  if (before) refuseMoved(before, body);
  else await refuseClaimed(db, { name, body, by });
}

/** An account that another tenant has or had isn't free: its roles may still trust us. */
async function refuseClaimed(db: Context["store"]["db"], { name, body: { accountId }, by }: Omit<PutTenant, "ifMatch">): Promise<void> {
  await lockName(db, { account: accountId });
  if (by.tenants === "*" || (await claimantsOfAccount(db, accountId)).every(({ tenant, held }) => tenant === name || !held)) return;
  throw new ProblemError(
    "account_already_registered",
    "This account is or was registered for another tenant. Ask an operator with access to every tenant to register it.",
    { pointer: "/accountId" },
  );
}

/** The service's own credentials reach everything that the service itself reaches. */
function refuseOwnAccount(modes: readonly (TenantAccess | undefined)[], by: Rights): void {
  if (holdsScope(by, "admin") || !modes.some((access) => access?.mode === "own-credentials")) return;
  throw new ProblemError("forbidden", "A tenant with own-credentials is registered and changed with the scope admin alone.", {
    pointer: "/access/mode",
  });
}

function refuseMoved(before: TenantRecord, body: TenantSpec): void {
  const moved = (["accountId", "region"] as const).find((field) => before[field] !== body[field]);
  if (moved)
    throw new ProblemError(
      "immutable_field",
      `A tenant keeps its ${moved}. Register another tenant for the other ${moved === "region" ? "region" : "account"}.`,
      { pointer: `/${moved}` },
    );
}

/** A change of the boundary, the tags or the role makes earlier proofs stale. The next PUT must prove again. */
async function markStale(trx: Context["store"]["db"], tenant: string): Promise<void> {
  for (let cursor: string | undefined; ; ) {
    const page = await listIntegrations(trx, tenant, { limit: 200, cursor });
    for (const { name } of page.items) {
      await changeIntegration(trx, tenant, name, (record) => ({
        ...record,
        ...(record.lastUp && { lastUp: { ...record.lastUp, succeeded: false } }),
      }));
    }
    if (page.nextCursor === null) return;
    cursor = page.nextCursor;
  }
}

/**
 * The trust policy that a tenant's provisioning role needs: our principal, and the external id that distinguishes this account from every
 * other (AWS IAM user guide, "The confused deputy problem").
 */
export function provisioningTrust(servicePrincipal: string, externalId: string): PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "DrawbridgeProvisioning",
        Effect: "Allow",
        Principal: { AWS: servicePrincipal },
        Action: "sts:AssumeRole",
        Condition: { StringEquals: { "sts:ExternalId": externalId } },
      },
    ],
  };
}
