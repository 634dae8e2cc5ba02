/** What a tenant's provisioning role has to reach: by the blueprints, by the tenant's integrations, and by what its administrator expects. */
import { blueprints } from "../blueprints/registry.ts";
import type { Context } from "../integrations/context.ts";
import { recordedIntegration } from "../integrations/desired-integration.ts";
import { contextOf, requireBlueprint } from "../integrations/desired-stacks.ts";
import { rolesOf } from "../integrations/stacks/kinds.ts";
import type { TenantRecord } from "../model/tenant.ts";
import { listIntegrations } from "../store/integrations.ts";
import type { Reach } from "./bootstrap.ts";

/**
 * The names of all roles that the integrations make now or would make by default, and `asked`. Buckets are limited only where `asked`
 * limits them, because which ones come next is known to the tenant alone; then those of the integrations belong to them too.
 */
export async function reachOf(context: Context, tenant: TenantRecord, asked: Reach): Promise<Reach> {
  const roleNames = blueprints.flatMap((blueprint) => blueprint.roleNames);
  const buckets: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await listIntegrations(context.store.db, tenant.name, { limit: 200, cursor });
    for (const record of page.items) {
      const blueprint = requireBlueprint(record.blueprint, record.version);
      const expected = blueprint.expectations(record.parameters, contextOf(tenant, await recordedIntegration(context, record)));
      const recorded = rolesOf(record).map(({ name }) => name);
      roleNames.push(...expected.roleNames, ...recorded);
      buckets.push(...expected.buckets);
    }
    if (page.nextCursor === null || page.nextCursor === undefined) break;
    cursor = page.nextCursor;
  }
  return {
    roleNames: withoutCovered([...roleNames, ...asked.roleNames]),
    ...(asked.buckets && { buckets: [...asked.buckets, ...buckets] }),
  };
}

/** A name that a pattern has already needs no line of its own: a policy has room for 10,240 characters. */
function withoutCovered(names: readonly string[]): string[] {
  const starts = names.filter((name) => name.endsWith("*")).map((name) => name.slice(0, -1));
  return names.filter((name) => name.endsWith("*") || !starts.some((start) => name.startsWith(start)));
}
