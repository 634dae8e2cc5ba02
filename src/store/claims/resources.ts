/**
 * Which integrations use a resource of an account. The first tenant that claims a resource has it. Another tenant needs a grant of an
 * administrator. An integration keeps its claims until it is gone; its retained keys stay claimed after that.
 */
import { randomUUID } from "node:crypto";
import { type Selectable, sql } from "kysely";
import { canonicalResource } from "../../model/claim.ts";
import type { IntegrationRecord } from "../../model/integration.ts";
import { keyOfCursor, type Page, pageOf } from "../database/cursor.ts";
import type { Database } from "../database/database.ts";
import type { Db } from "../database/transaction.ts";

/** A resource in an account: `role/<name>`, `bucket/<name>`, `alias/<name>`, `key/<ARN>`, or another ARN. */
export interface AccountResources {
  accountId: string;
  resources: readonly string[];
}

/** An administrator's permission for a tenant to use a resource that another tenant claims. */
export interface ClaimGrant {
  id: string;
  accountId: string;
  resource: string;
  tenant: string;
  /** the administrator's subject */
  grantedBy: string;
  /** RFC 3339 */
  since: string;
}

/** One tenant's claim on an account (`account`) or on a resource in it, for all of its integrations. */
export interface Claim {
  accountId: string;
  resource: string;
  tenant: string;
  /** Whether it excludes other tenants */
  held: boolean;
  /** RFC 3339; the first claim of the tenant's integrations */
  since: string;
}

/**
 * Those of the resources that another tenant claimed before this one, and that neither this integration claims already nor this tenant was
 * granted. A claim of a tenant that doesn't hold the account counts for nothing: otherwise a stranger could block a resource.
 */
export async function claimedByAnother(
  db: Db,
  { accountId, resources }: AccountResources,
  { tenant, name }: Pick<IntegrationRecord, "tenant" | "name">,
): Promise<string[]> {
  if (resources.length === 0) return [];
  const { rows } = await sql<{ resource: string }>`
    select distinct resource from resource_claims c
    where account_id = ${accountId} and resource = any(${[...resources]}::text[]) and tenant <> ${tenant}
      and exists (select from claims a where a.account_id = c.account_id and a.resource = 'account' and a.tenant = c.tenant and a.held)
      and not exists (
        select from resource_claims own where own.account_id = c.account_id and own.resource = c.resource and own.tenant = ${tenant}
          and (own.integration = ${name} or own.since < c.since)
      )
      and not exists (select from claim_grants g where g.account_id = c.account_id and g.resource = c.resource and g.tenant = ${tenant})`.execute(
    db,
  );
  return rows.map(({ resource }) => resource);
}

/** Adds claims of an integration. The caller has locked the account's name and found none of the resources claimed by another tenant. */
export async function claimResources(
  trx: Db,
  { accountId, resources }: AccountResources,
  { tenant, name }: Pick<IntegrationRecord, "tenant" | "name">,
): Promise<void> {
  if (resources.length === 0) return;
  await sql`insert into resource_claims (account_id, resource, tenant, integration)
    select ${accountId}, resource, ${tenant}, ${name} from unnest(${[...resources]}::text[]) as asked (resource)
    on conflict do nothing`.execute(trx);
}

/** Ends all claims of an integration but those on these keys, which outlive it. */
export async function releaseResources(
  trx: Db,
  { tenant, name, retained = [] }: Pick<IntegrationRecord, "tenant" | "name" | "retained">,
): Promise<void> {
  const kept = retained.map(({ keyArn }) => canonicalResource(`key/${keyArn}`));
  await sql`delete from resource_claims where tenant = ${tenant} and integration = ${name} and not (resource = any(${kept}::text[]))`.execute(
    trx,
  );
}

/**
 * One page of the claims on accounts and their resources, of one account or of all, by account, resource and tenant.
 *
 * @throws ProblemError invalid_request for a cursor that isn't ours
 */
export async function listClaims(
  db: Db,
  { accountId = null, limit, cursor }: { accountId?: string | null | undefined; limit: number; cursor?: string | undefined },
): Promise<Page<Claim>> {
  const after = cursor === undefined ? "" : keyOfCursor(cursor, /^[^\0]{1,400}$/);
  const { rows } = await sql<{ place: string; accountId: string; resource: string; tenant: string; held: boolean; since: Date }>`
    with accounts as (select account_id, resource, tenant, held, since from claims),
    resources as (
      select r.account_id, r.resource, r.tenant, coalesce(bool_or(a.held), false) as held, min(r.since) as since from resource_claims r
        left join accounts a on a.account_id = r.account_id and a.tenant = r.tenant group by r.account_id, r.resource, r.tenant
    ), placed as (
      select account_id || ' ' || resource || ' ' || tenant as place, account_id as "accountId", resource, tenant, held, since
      from (select * from accounts union all select * from resources) as every_one
    )
    select * from placed where place > ${after} and ${accountId}::text is null or place > ${after} and "accountId" = ${accountId}
    order by place limit ${limit + 1}`.execute(db);
  return pageOf(
    rows,
    limit,
    ({ place }) => place,
    ({ place: _, since, ...claim }) => ({ ...claim, since: since.toISOString() }),
  );
}

/** Records a grant; the same grant again stays as it is. */
export async function saveClaimGrant(
  db: Db,
  { accountId, resource, tenant, grantedBy }: Omit<ClaimGrant, "id" | "since">,
): Promise<ClaimGrant> {
  const row = await db
    .insertInto("claim_grants")
    .values({ id: randomUUID(), account_id: accountId, resource, tenant, granted_by: grantedBy })
    .onConflict((conflict) => conflict.columns(["account_id", "resource", "tenant"]).doUpdateSet({ resource }))
    .returningAll()
    .executeTakeFirstOrThrow();
  return grantOf(row);
}

/** The grants of one account or of all, by account, resource and tenant. An administrator makes each one, so they are few. */
export async function listClaimGrants(db: Db, accountId?: string): Promise<ClaimGrant[]> {
  const all = db.selectFrom("claim_grants").selectAll();
  const query = accountId === undefined ? all : all.where("account_id", "=", accountId);
  const rows = await query.orderBy("account_id").orderBy("resource").orderBy("tenant").execute();
  return rows.map(grantOf);
}

/** Ends a grant. Claims that it allowed stay. Returns whether there was one. */
export async function deleteClaimGrant(db: Db, id: string): Promise<boolean> {
  const deleted = await db.deleteFrom("claim_grants").where("id", "=", id).executeTakeFirst();
  return deleted.numDeletedRows > 0n;
}

const grantOf = (row: Selectable<Database["claim_grants"]>): ClaimGrant => ({
  id: row.id,
  accountId: row.account_id,
  resource: row.resource,
  tenant: row.tenant,
  grantedBy: row.granted_by,
  since: row.since.toISOString(),
});
