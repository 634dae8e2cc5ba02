import { type Kysely, sql } from "kysely";

const statements = [
  // Who has, or had, what of an account. A tenant's end leaves its claim: an administrator's word makes way for another tenant.
  `create table claims (
    account_id text not null,
    resource text not null,
    tenant text not null,
    since timestamptz not null default clock_timestamp(),
    primary key (account_id, resource, tenant)
  )`,
  `insert into claims (account_id, resource, tenant) select account_id, 'account', name from tenants`,
  // Accounts whose tenant was registered anew for another account: who had them isn't known any more.
  `insert into claims (account_id, resource, tenant)
    select account_id, 'account', '' from provisioning_external_ids
    where account_id not in (select account_id from tenants)`,
];

/** Claims on accounts, also of the tenants that are gone. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
