/** Finds the tenant and the integration of a request or an operation. */

import type { IntegrationRecord } from "../model/integration.ts";
import type { TenantRecord } from "../model/tenant.ts";
import type { Run } from "../operations/run.ts";
import { ProblemError } from "../problem.ts";
import { findIntegration } from "../store/integrations.ts";
import { findTenant } from "../store/tenants.ts";
import type { Context } from "./context.ts";

/**
 * The tenant of that name.
 *
 * @throws ProblemError not_found
 */
export async function requireTenant(context: Pick<Context, "store">, name: string): Promise<TenantRecord> {
  const tenant = await findTenant(context.store.db, name);
  if (!tenant) throw noTenant();
  return tenant;
}

export const noTenant = (): ProblemError => new ProblemError("not_found", "There is no such tenant.");
export const noIntegration = (): ProblemError => new ProblemError("not_found", "There is no such integration.");

/**
 * A tenant's integration that isn't gone, with its tenant.
 *
 * @throws ProblemError not_found
 */
export async function findTenantIntegration(
  context: Pick<Context, "store">,
  tenantName: string,
  name: string,
): Promise<{ tenant: TenantRecord; record: IntegrationRecord }> {
  const [tenant, record] = await Promise.all([requireTenant(context, tenantName), findIntegration(context.store.db, tenantName, name)]);
  if (!record || record.goneAt !== undefined) throw noIntegration();
  return { tenant, record };
}

/**
 * The tenant and integration that an operation is about.
 *
 * @throws ProblemError not_found when one was removed since
 */
export async function lookUpOperation(context: Context, run: Run): Promise<{ tenant: TenantRecord; record: IntegrationRecord }> {
  const { tenant: tenantName = "", integration = "" } = run.operation;
  const [tenant, record] = await Promise.all([
    findTenant(context.store.db, tenantName),
    findIntegration(context.store.db, tenantName, integration),
  ]);
  if (!tenant || !record) {
    throw new ProblemError("not_found", `Integration ${tenantName}/${integration} was removed before this operation ran.`);
  }
  return { tenant, record };
}
