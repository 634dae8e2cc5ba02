/** Tenants: an account, a region and the way in. Two of them never learn of each other. */
import { generateExternalId } from "../iam/external-id.ts";
import type { PolicyDocument } from "../iam/policy-document.ts";
import { checkPrecondition, tenantEtag } from "../integrations/etag.ts";
import type { Shell } from "../integrations/shell.ts";
import { ProblemError } from "../problem.ts";
import { forgetRefusals } from "../store/account-refusals.ts";
import { changeIntegration, listIntegrations } from "../store/integrations.ts";
import type { TenantAccess, TenantRecord } from "../store/records.ts";
import { findTenant, provisioningExternalId, saveTenant, tenantsOfAccount } from "../store/tenants.ts";

export interface TenantWish {
  accountId: string;
  region: string;
  access: TenantAccess;
  permissionsBoundaryArn?: string;
  tags?: Record<string, string>;
}

interface PutTenant {
  name: string;
  body: TenantWish;
  ifMatch?: string;
  /** Whether the caller may know of every tenant: only then may it share an account among several. */
  seesAll: boolean;
}

/**
 * Registers a tenant or changes it. The account's external id is made here, one per account id for ever.
 *
 * @throws ProblemError immutable_field, access_mode_disabled, account_already_registered, account_mismatch, precondition_required,
 *   precondition_failed
 */
export async function putTenant(
  shell: Shell,
  { name, body, ifMatch, seesAll }: PutTenant,
): Promise<{ created: boolean; tenant: TenantRecord; etag: string }> {
  refuseUnusableAccess(shell, body);
  return shell.store.db.transaction().execute(async (trx) => {
    const before = await findTenant(trx, name);
    if (before) refuseMoved(before, body);
    else if (!seesAll && (await tenantsOfAccount(trx, body.accountId)).length > 0) {
      throw new ProblemError(
        "account_already_registered",
        "This account is registered already. Ask an operator with access to every tenant to register it again.",
        { pointer: "/accountId" },
      );
    }
    const now = shell.now();
    const { permissionsBoundaryArn: boundary } = body;
    const tenant: TenantRecord = {
      name,
      accountId: body.accountId,
      region: body.region,
      access: body.access,
      ...(boundary && { permissionsBoundaryArn: boundary }),
      tags: body.tags ?? {},
      provisioningExternalId: await provisioningExternalId(trx, body.accountId, generateExternalId),
      createdAt: before?.createdAt ?? now,
      updatedAt: now,
    };
    // Whoever registers a role, also the same one again, wants it tried.
    if (tenant.access.mode === "assume-role") await forgetRefusals(trx, tenant.access.roleArn);
    const etag = tenantEtag(tenant);
    const etagBefore = before && tenantEtag(before);
    checkPrecondition(etagBefore, ifMatch, etag !== etagBefore);
    if (before && etag === etagBefore) return { created: false, tenant: before, etag };
    await saveTenant(trx, tenant);
    if (before) await markStale(trx, name);
    return { created: before === undefined, tenant, etag };
  });
}

function refuseUnusableAccess(shell: Shell, { access, accountId }: TenantWish): void {
  if (access.mode === "own-credentials" && !shell.ownCredentials) {
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

function refuseMoved(before: TenantRecord, body: TenantWish): void {
  const moved = (["accountId", "region"] as const).find((field) => before[field] !== body[field]);
  if (moved)
    throw new ProblemError(
      "immutable_field",
      `A tenant keeps its ${moved}. Register another tenant for the other ${moved === "region" ? "region" : "account"}.`,
      { pointer: `/${moved}` },
    );
}

/** What was proven under the old boundary, tags or role is to be proven again at the next PUT. */
async function markStale(trx: Shell["store"]["db"], tenant: string): Promise<void> {
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
 * The trust policy that a tenant's provisioning role needs: our principal, and the external id that tells this account from every
 * other (AWS IAM user guide, "The confused deputy problem").
 */
export function provisioningTrust(servicePrincipal: string, tenant: TenantRecord): PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "DrawbridgeProvisioning",
        Effect: "Allow",
        Principal: { AWS: servicePrincipal },
        Action: "sts:AssumeRole",
        Condition: { StringEquals: { "sts:ExternalId": tenant.provisioningExternalId } },
      },
    ],
  };
}
