import { sql } from "kysely";
import type { DriftRecord } from "../model/drift.ts";
import type { Db } from "./database/transaction.ts";

export async function findDrift(db: Db, tenant: string, integration: string): Promise<DriftRecord | undefined> {
  const row = await db
    .selectFrom("drift")
    .select("record")
    .where("tenant", "=", tenant)
    .where("integration", "=", integration)
    .executeTakeFirst();
  return row?.record;
}

export async function saveDrift(db: Db, tenant: string, integration: string, drift: DriftRecord): Promise<void> {
  const record = JSON.stringify(drift);
  await db
    .insertInto("drift")
    .values({ tenant, integration, record })
    .onConflict((conflict) => conflict.columns(["tenant", "integration"]).doUpdateSet({ record, checked_at: sql`clock_timestamp()` }))
    .execute();
}

/**
 * Tenants, at most `limit`, that we may enter and that have an integration with stacks which nobody changed or checked for `olderThan`
 * seconds.
 */
export async function tenantsDueForSweep(db: Db, olderThan: number, limit: number): Promise<string[]> {
  const { rows } = await sql<{ tenant: string }>`
    select i.tenant from integrations i
      join tenants t on t.name = i.tenant
      left join drift d on d.tenant = i.tenant and d.integration = i.name
    where not i.gone and t.record->'access'->>'mode' <> 'hand-off' and jsonb_array_length(i.record->'stacks') > 0
      and coalesce(i.record->'settings'->>'drift', 'observe') <> 'ignore'
      and coalesce(d.checked_at, (i.record->>'updatedAt')::timestamptz) < clock_timestamp() - make_interval(secs => ${olderThan})
      and not exists (select 1 from operations o where o.tenant = i.tenant and o.integration is null and o.kind = 'detect-drift'
        and o.state in ('queued', 'running'))
    group by i.tenant order by i.tenant limit ${limit}`.execute(db);
  return rows.map((row) => row.tenant);
}
