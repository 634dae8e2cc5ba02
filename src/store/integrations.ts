import { sql } from "kysely";
import type { IntegrationRecord, RecordedStack } from "../model/integration.ts";
import { changingKinds } from "../model/operation.ts";
import type { TenantRecord } from "../model/tenant.ts";
import { ProblemError } from "../problem.ts";
import { sameClaims, saveWithClaims } from "./claims/external-ids.ts";
import { releaseResources } from "./claims/resources.ts";
import { type Page, pageByName } from "./database/cursor.ts";
import { type Fencing, requireFencing } from "./database/fencing.ts";
import { type Db, inTransaction } from "./database/transaction.ts";
import { withoutProof } from "./proofs.ts";

export { externalIdHolder } from "./claims/external-ids.ts";

/** The integration, gone or not. */
export async function findIntegration(db: Db, tenant: string, name: string): Promise<IntegrationRecord | undefined> {
  const row = await db.selectFrom("integrations").select("record").where("tenant", "=", tenant).where("name", "=", name).executeTakeFirst();
  return row?.record;
}

/** The state that one PUT needs, read by one statement. */
export interface StoredState {
  tenant: TenantRecord;
  /** Gone or not */
  integration: IntegrationRecord | undefined;
  /** Whether an operation of the integration hasn't ended; operations that only look don't count. */
  busy: boolean;
  /** The source that owns it */
  owner: string | undefined;
  /** How many of the tenant's operations are queued or running */
  open: number;
  /** The revoked vendors, each with the start of its revocation (RFC 3339) */
  revoked: ReadonlyMap<string, string>;
}

/** Undefined if there is no such tenant. */
export async function findForPut(db: Db, tenant: string, name: string): Promise<StoredState | undefined> {
  const { rows } = await sql<{
    tenant: TenantRecord;
    integration: IntegrationRecord | null;
    busy: boolean;
    owner: string | null;
    open: number;
    revocations: { vendor: string; since: string }[] | null;
  }>`
    select t.record as tenant, i.record as integration, m.source as owner, coalesce(o.open, 0) as open, coalesce(o.busy, false) as busy,
      (select jsonb_agg(r) from vendor_revocations r) as revocations
    from tenants t
    left join integrations i on i.tenant = t.name and i.name = ${name}
    left join source_members m on m.kind = 'Integration' and m.tenant = t.name and m.name = ${name}
    left join lateral (
      select (count(*) filter (where state <> 'awaiting-approval'))::int as open, bool_or(integration = ${name} and kind = any(${changingKinds}::text[])) as busy
      from operations where tenant = t.name and state in ('queued', 'running', 'awaiting-approval')
    ) o on true
    where t.name = ${tenant} and not t.gone`.execute(db);
  const [row] = rows;
  if (row === undefined) return undefined;
  const { revocations, integration, owner, ...stored } = row;
  // The same format as `revokedSince`, because it goes into the fingerprint of a stack.
  const revoked = new Map((revocations ?? []).map(({ vendor, since }) => [vendor, new Date(since).toISOString()]));
  return { ...stored, integration: integration ?? undefined, owner: owner ?? undefined, revoked };
}

/**
 * The state that an accepted request needs: the integration, gone or not, with its row locked, and whether the tenant is gone or being
 * offboarded. The caller has locked the tenant's name.
 */
export async function findForUpdate(
  trx: Db,
  tenant: string,
  name: string,
): Promise<{ live: IntegrationRecord | undefined; gone: boolean; offboarding: boolean }> {
  const { rows } = await sql<{ live: IntegrationRecord | null; gone: boolean; offboarding: boolean }>`
    with live as (select record from integrations where tenant = ${tenant} and name = ${name} for update)
    select (select record from live) as live, not exists (select from tenants where name = ${tenant} and not gone) as gone, exists (
      select from operations where tenant = ${tenant} and kind = 'offboard' and state in ('queued', 'running')
    ) as offboarding`.execute(trx);
  return { live: rows[0]?.live ?? undefined, gone: rows[0]?.gone ?? true, offboarding: rows[0]?.offboarding ?? false };
}

/** One page of a tenant's integrations by name. @throws ProblemError invalid_request for a cursor that isn't ours */
export async function listIntegrations(
  db: Db,
  tenant: string,
  { limit, cursor, includeGone = false }: { limit: number; cursor?: string | undefined; includeGone?: boolean | undefined },
): Promise<Page<IntegrationRecord>> {
  let query = db.selectFrom("integrations").select(["name", "record"]).where("tenant", "=", tenant);
  if (!includeGone) query = query.where("gone", "=", false);
  return pageByName(query, { limit, cursor });
}

/** The integrations, over all tenants, that still list an external id whose overlap is over. */
export async function integrationsWithExpiredIds(db: Db, now: string): Promise<IntegrationRecord[]> {
  const rows = await db
    .selectFrom("integrations")
    .select("record")
    .where("gone", "=", false)
    .where(sql<boolean>`exists (select 1 from jsonb_array_elements(record->'externalIds') e where e->>'until' <= ${now})`)
    .execute();
  return rows.map((row) => row.record);
}

/** A vendor's integrations over all tenants that aren't gone, by tenant and name. A revocation closes them. */
export async function integrationsOfVendor(db: Db, vendor: string): Promise<IntegrationRecord[]> {
  const rows = await db
    .selectFrom("integrations")
    .select("record")
    .where("vendor", "=", vendor)
    .where("gone", "=", false)
    .orderBy("tenant")
    .orderBy("name")
    .execute();
  return rows.map((row) => row.record);
}

/**
 * Writes the integration, new or changed, and its claims on external ids. `before` is the stored record, its row locked; if its claims are
 * the same, they aren't written.
 *
 * @throws ProblemError external_id_taken when another tenant has one
 */
export async function saveIntegration(db: Db, integration: IntegrationRecord, before?: IntegrationRecord): Promise<void> {
  if (integration.goneAt !== undefined && before?.goneAt === undefined) await releaseResources(db, integration);
  if (!before || !sameClaims(before, integration)) return inTransaction(db, (trx) => saveWithClaims(trx, integration));
  await db
    .updateTable("integrations")
    .set({ gone: integration.goneAt !== undefined, ...withoutProof(integration) })
    .where("tenant", "=", integration.tenant)
    .where("name", "=", integration.name)
    .execute();
}

/** How many of the tenant's integrations aren't gone. */
export async function countIntegrations(db: Db, tenant: string): Promise<number> {
  const row = await db
    .selectFrom("integrations")
    .select((select) => select.fn.countAll<number>().as("count"))
    .where("tenant", "=", tenant)
    .where("gone", "=", false)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** Every stack of the tenant that isn't gone, with its integration. */
export async function stacksOfTenant(db: Db, tenant: string): Promise<{ integration: string; stack: RecordedStack }[]> {
  const rows = await db.selectFrom("integrations").select("record").where("tenant", "=", tenant).orderBy("name").execute();
  return rows.flatMap(({ record }) =>
    record.stacks.filter((stack) => stack.status !== "gone").map((stack) => ({ integration: record.name, stack })),
  );
}

/**
 * Changes the current record under a row lock, so that requests and operations never overwrite each other's changes. `change` may read
 * other rows in the same transaction. Returns the new record. A run passes itself as `writer`: if it was taken over, it changes nothing.
 *
 * @throws ProblemError not_found when there is no such integration; operation_interrupted when the writer was taken over
 */
export async function changeIntegration(
  db: Db,
  tenant: string,
  name: string,
  change: (record: IntegrationRecord, trx: Db) => IntegrationRecord | Promise<IntegrationRecord>,
  writer?: Fencing,
): Promise<IntegrationRecord> {
  return inTransaction(db, async (trx) => {
    if (writer !== undefined) await requireFencing(trx, writer);
    const row = await trx
      .selectFrom("integrations")
      .select("record")
      .where("tenant", "=", tenant)
      .where("name", "=", name)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) throw new ProblemError("not_found", "There is no such integration.");
    const changed = await change(row.record, trx);
    await saveIntegration(trx, changed, row.record);
    return changed;
  });
}
