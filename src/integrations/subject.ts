/** Who a request is about. */
import { ProblemError } from "../problem.ts";
import { findIntegration } from "../store/integrations.ts";
import type { IntegrationRecord, TenantRecord } from "../store/records.ts";
import { findTenant } from "../store/tenants.ts";
import type { Shell } from "./shell.ts";

/**
 * The tenant of that name.
 *
 * @throws ProblemError not_found
 */
export async function requireTenant(shell: Pick<Shell, "store">, name: string): Promise<TenantRecord> {
  const tenant = await findTenant(shell.store.db, name);
  if (!tenant) throw new ProblemError("not_found", "There is no such tenant.");
  return tenant;
}

/**
 * A tenant's integration that isn't gone, with its tenant.
 *
 * @throws ProblemError not_found
 */
export async function findTenantIntegration(
  shell: Pick<Shell, "store">,
  tenantName: string,
  name: string,
): Promise<{ tenant: TenantRecord; record: IntegrationRecord }> {
  const [tenant, record] = await Promise.all([requireTenant(shell, tenantName), findIntegration(shell.store.db, tenantName, name)]);
  if (!record || record.goneAt !== undefined) throw new ProblemError("not_found", "There is no such integration.");
  return { tenant, record };
}
