import { sql } from "kysely";
import type { VisibleTenants } from "../model/caller.ts";
import type { TenantRecord } from "../model/tenant.ts";
import { anyOf } from "./database/any-of.ts";
import { type Page, pageByName } from "./database/cursor.ts";
import { type Db, inTransaction } from "./database/transaction.ts";

/** The tenant with that name. */
export async function findTenant(db: Db, name: string): Promise<TenantRecord | undefined> {
  const row = await db.selectFrom("tenants").select("record").where("name", "=", name).where("gone", "=", false).executeTakeFirst();
  return row?.record;
}

/** One page of tenants by name. @throws ProblemError invalid_request for a cursor that isn't ours */
export async function listTenants(
  db: Db,
  { tenants, limit, cursor }: { tenants: VisibleTenants; limit: number; cursor?: string | undefined },
): Promise<Page<TenantRecord>> {
  if (tenants !== "*" && tenants.length === 0) return { items: [], nextCursor: null };
  let query = db.selectFrom("tenants").select(["name", "record"]).where("gone", "=", false);
  if (tenants !== "*") query = query.where("name", "=", anyOf(tenants));
  return pageByName(query, { limit, cursor });
}

/** Writes the tenant, new or changed. The caller sets the record's timestamps. */
export async function saveTenant(db: Db, tenant: TenantRecord): Promise<void> {
  const row = { account_id: tenant.accountId, gone: false, record: JSON.stringify(tenant) };
  await db
    .insertInto("tenants")
    .values({ name: tenant.name, ...row })
    .onConflict((conflict) => conflict.column("name").doUpdateSet(row))
    .execute();
}

/**
 * Turns the tenant into a tombstone. Its name, its receipts and its integrations' tombstones stay, but lookups no longer find it. Sources
 * lose the members that they owned in it, so that the next tenant of that name doesn't belong to the source. Returns false if one of its
 * integrations isn't gone.
 */
export async function writeTenantTombstone(db: Db, name: string): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const tombstone = await trx
      .updateTable("tenants")
      .set({ gone: true })
      .where("name", "=", name)
      .where((eb) => eb.not(eb.exists(eb.selectFrom("integrations").select("name").where("tenant", "=", name).where("gone", "=", false))))
      .executeTakeFirst();
    if (tombstone.numUpdatedRows === 0n) return false;
    await trx.deleteFrom("source_members").where("tenant", "=", name).execute();
    return true;
  });
}

/** A name that a decision depends on. It must not change until the transaction ends. */
export type Locked = { tenant: string } | { account: string } | { repository: string };

/**
 * Makes other transactions that lock the same name wait until this one ends. Unlike a row lock, it also works for a name without a row. To
 * avoid deadlocks, lock the tenant first, then the account, then rows.
 */
export async function lockName(trx: Db, locked: Locked): Promise<void> {
  const [name = ""] = Object.entries(locked).map(([kind, value]) => `${kind}:${value}`);
  await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(trx);
}
