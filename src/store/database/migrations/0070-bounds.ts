import { type Kysely, sql } from "kysely";

const statements = [
  // Per lane: for each tenant, the position of its last job; for the empty tenant, the latest position that has begun.
  `create table turns (
    lane text not null,
    tenant text not null,
    turn integer not null,
    primary key (lane, tenant)
  )`,

  // Provisioning roles that refuse us. The first success deletes the row.
  `create table account_refusals (
    role_arn text primary key,
    refusals integer not null,
    cause text,
    since timestamptz not null default clock_timestamp(),
    closed_until timestamptz
  )`,

  `create index operations_ended on operations (finished_at) where finished_at is not null`,
];

/** Limits for a tenant, an account and the growth of the store. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
