import { type Kysely, sql } from "kysely";

const statements = [
  // Of each tenant the turn of its last job, per lane; under no tenant the latest turn that has begun.
  `create table turns (
    lane text not null,
    tenant text not null,
    turn integer not null,
    primary key (lane, tenant)
  )`,

  // Provisioning roles that refuse us; a row goes with the first success.
  `create table account_refusals (
    role_arn text primary key,
    refusals integer not null,
    cause text,
    since timestamptz not null default clock_timestamp(),
    closed_until timestamptz
  )`,

  `create index operations_ended on operations (finished_at) where finished_at is not null`,
];

/** What bounds a tenant, an account and the store's growth. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
