import { anyOf } from "./any-of.ts";
import { type Page, pageByName } from "./cursor.ts";
import type { TenantRecord } from "./records.ts";
import type { Db } from "./transaction.ts";

/** The tenants that a caller may see: all, or these names. */
export type VisibleTenants = "*" | readonly string[];

/** The tenant of that name. */
export async function findTenant(db: Db, name: string): Promise<TenantRecord | undefined> {
  const row = await db.selectFrom("tenants").select("record").where("name", "=", name).where("gone", "=", false).executeTakeFirst();
  return row?.record;
}

/** One page of tenants by name. `invalid_request` for a cursor that isn't ours. */
export async function listTenants(
  db: Db,
  { tenants, limit, cursor }: { tenants: VisibleTenants; limit: number; cursor?: string | undefined },
): Promise<Page<TenantRecord>> {
  if (tenants !== "*" && tenants.length === 0) return { items: [], nextCursor: null };
  let query = db.selectFrom("tenants").select(["name", "record"]).where("gone", "=", false);
  if (tenants !== "*") query = query.where("name", "=", anyOf(tenants));
  return pageByName(query, { limit, cursor });
}

/** Writes the tenant, new or changed; the record's own timestamps are the caller's. */
export async function saveTenant(db: Db, tenant: TenantRecord): Promise<void> {
  const row = { account_id: tenant.accountId, gone: false, record: JSON.stringify(tenant) };
  await db
    .insertInto("tenants")
    .values({ name: tenant.name, ...row })
    .onConflict((conflict) => conflict.column("name").doUpdateSet(row))
    .execute();
}

/**
 * Makes the tenant a tombstone: its name, its receipts and its integrations' tombstones stay, and nobody finds it any more.
 * False while one of its integrations isn't gone.
 */
export async function buryTenant(db: Db, name: string): Promise<boolean> {
  const buried = await db
    .updateTable("tenants")
    .set({ gone: true })
    .where("name", "=", name)
    .where((eb) => eb.not(eb.exists(eb.selectFrom("integrations").select("name").where("tenant", "=", name).where("gone", "=", false))))
    .executeTakeFirst();
  return buried.numUpdatedRows > 0n;
}

/** The tenants of one AWS account, by name: several may share it. */
export async function tenantsOfAccount(db: Db, accountId: string): Promise<TenantRecord[]> {
  const rows = await db
    .selectFrom("tenants")
    .select("record")
    .where("account_id", "=", accountId)
    .where("gone", "=", false)
    .orderBy("name")
    .execute();
  return rows.map((row) => row.record);
}

/**
 * The external id with which we enter an account: one per account for ever, also after its tenants are gone, so that
 * a customer's role keeps working and two tenants of one account agree. `make` is called when there is none yet; of
 * two callers at once the first insert wins.
 */
export async function provisioningExternalId(db: Db, accountId: string, make: () => string): Promise<string> {
  const find = () =>
    db.selectFrom("provisioning_external_ids").select("external_id").where("account_id", "=", accountId).executeTakeFirst();
  const found = await find();
  if (found !== undefined) return found.external_id;
  await db
    .insertInto("provisioning_external_ids")
    .values({ account_id: accountId, external_id: make() })
    .onConflict((conflict) => conflict.column("account_id").doNothing())
    .execute();
  const kept = await find();
  if (kept === undefined) throw new Error("a provisioning external id vanished right after it was written");
  return kept.external_id;
}
