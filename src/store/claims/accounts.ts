/** Which tenants have, or had, an account. A claim stays after its tenant is gone, until an administrator releases it. */
import { sql } from "kysely";
import type { TenantRecord } from "../../model/tenant.ts";
import { type Db, inTransaction } from "../database/transaction.ts";
import { lockName } from "../tenants.ts";

/** The `resource` of a claim on the whole account. */
const accountItself = "account";

/** The tenants that ever had this account and whose claim nobody released, offboarded ones included. */
export async function claimantsOfAccount(db: Db, accountId: string): Promise<{ tenant: string; held: boolean }[]> {
  return db
    .selectFrom("claims")
    .select(["tenant", "held"])
    .where("account_id", "=", accountId)
    .where("resource", "=", accountItself)
    .orderBy("tenant")
    .execute();
}

/**
 * Records the tenant's claim on this account. A claim that isn't `held` excludes nobody: somebody may have registered an account that isn't
 * theirs. `holdAccount` confirms it later.
 */
export async function claimAccount(db: Db, { accountId, name }: Pick<TenantRecord, "accountId" | "name">, held: boolean): Promise<void> {
  if (held) await dropOvertaken(db, { accountId, name });
  await db
    .insertInto("claims")
    .values({ account_id: accountId, resource: accountItself, tenant: name, held })
    .onConflict((conflict) =>
      conflict.columns(["account_id", "resource", "tenant"]).doUpdateSet({ held: sql<boolean>`claims.held or excluded.held` }),
    )
    .execute();
}

/**
 * While the tenant didn't hold the account, another tenant may have claimed the same resources. That tenant was the first to claim them with
 * the account, so the claims of this tenant end; its integrations need a grant.
 */
async function dropOvertaken(db: Db, { accountId, name }: Pick<TenantRecord, "accountId" | "name">): Promise<void> {
  await sql`delete from resource_claims mine where account_id = ${accountId} and tenant = ${name}
    and not exists (select from claims where account_id = ${accountId} and resource = ${accountItself} and tenant = ${name} and held)
    and not exists (select from claim_grants g where g.account_id = mine.account_id and g.resource = mine.resource and g.tenant = ${name})
    and exists (
      select from resource_claims other join claims a on a.account_id = other.account_id and a.tenant = other.tenant
      where other.account_id = mine.account_id and other.resource = mine.resource and other.tenant <> ${name} and a.resource = ${accountItself} and a.held
    )`.execute(db);
}

/**
 * Confirms the tenant's claim, because the account's provisioning role let this tenant in. Returns whether the tenant holds the account now:
 * false if another tenant held it first.
 */
export async function holdAccount(db: Db, { accountId, name }: Pick<TenantRecord, "accountId" | "name">): Promise<boolean> {
  const mine = (await claimantsOfAccount(db, accountId)).find(({ tenant }) => tenant === name);
  if (mine?.held === true) return true;
  return inTransaction(db, async (trx) => {
    await lockName(trx, { account: accountId });
    if ((await claimantsOfAccount(trx, accountId)).some(({ tenant, held }) => held && tenant !== name)) return false;
    await claimAccount(trx, { accountId, name }, true);
    return true;
  });
}

/**
 * Ends the claims on an account of tenants that are gone or have another account now, with their claims on resources in it (retained keys).
 * Returns the names of these tenants; '' stands for a tenant that an earlier release didn't record.
 */
export async function releaseAccount(trx: Db, accountId: string): Promise<string[]> {
  const { rows } = await sql<{ tenant: string }>`
    with released as (
      delete from claims c where c.account_id = ${accountId} and c.resource = ${accountItself}
        and not exists (select from tenants t where t.name = c.tenant and not t.gone and t.account_id = c.account_id)
      returning c.tenant
    ), resources as (
      delete from resource_claims where account_id = ${accountId} and tenant in (select tenant from released)
    ), granted as (
      delete from claim_grants where account_id = ${accountId} and tenant in (select tenant from released)
    )
    select tenant from released order by tenant`.execute(trx);
  return rows.map(({ tenant }) => tenant);
}
