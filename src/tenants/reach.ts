/**
 * What a tenant's provisioning role must reach: for the blueprints, for the tenant's integrations, and for what its administrator expects.
 */
import { blueprints } from "../blueprints/registry.ts";
import type { Context } from "../integrations/context.ts";
import { recordedIntegration } from "../integrations/desired-integration.ts";
import { contextOf, requireBlueprint } from "../integrations/desired-stacks.ts";
import { rolesOf } from "../integrations/stacks/kinds.ts";
import type { TenantRecord } from "../model/tenant.ts";
import { listIntegrations } from "../store/integrations.ts";
import type { Reach } from "./bootstrap.ts";

/**
 * The names of all roles that the integrations make now or would make by default, and those in `asked`. Buckets are limited only if `asked`
 * limits them, because only the tenant knows which ones come next. Then the integrations' buckets are added.
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

/** Drops names that a pattern already covers: a policy holds at most 10,240 characters. */
function withoutCovered(names: readonly string[]): string[] {
  const starts = names.filter((name) => name.endsWith("*")).map((name) => name.slice(0, -1));
  return names.filter((name) => name.endsWith("*") || !starts.some((start) => name.startsWith(start)));
}
