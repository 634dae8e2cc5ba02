import { type Kysely, sql } from "kysely";

const statements = [
  // The tenants that have, or had, an account or a resource in it. A claim stays after its tenant is gone: an administrator must allow
  // another tenant.
  `create table claims (
    account_id text not null,
    resource text not null,
    tenant text not null,
    since timestamptz not null default clock_timestamp(),
    primary key (account_id, resource, tenant)
  )`,
  `insert into claims (account_id, resource, tenant) select account_id, 'account', name from tenants`,
  // Accounts whose tenant was later registered for another account. Nobody knows which tenant had them.
  `insert into claims (account_id, resource, tenant)
    select account_id, 'account', '' from provisioning_external_ids
    where account_id not in (select account_id from tenants)`,
];

/** Claims on accounts, those of gone tenants included. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
