import { type Kysely, sql } from "kysely";

const statements = [
  `create table api_keys (
    id text primary key,
    digest text not null unique,
    subject text not null,
    tenants jsonb not null,
    scopes jsonb not null,
    created_by text not null,
    created_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz,
    last_used_at timestamptz
  )`,

  // The columns for filters are generated from the hashed entry, so that the two can't differ.
  `create table audit (
    seq bigint primary key,
    entry jsonb not null,
    previous text not null,
    hash text not null,
    id text generated always as (entry->>'id') stored not null unique,
    tenant text generated always as (entry->>'tenant') stored,
    subject text generated always as (entry->>'subject') stored,
    action text generated always as (entry->>'action') stored,
    operation text generated always as (entry->>'operation') stored,
    at text generated always as (entry->>'at') stored
  )`,
  `create index audit_tenant on audit (tenant, seq)`,
  `create index audit_operation on audit (operation)`,

  // The end of the chain. Every append locks it. A chain that was cut short doesn't reach it.
  `create table audit_head (
    one boolean primary key default true check (one),
    seq bigint not null,
    hash text not null
  )`,
  `insert into audit_head (seq, hash) values (0, repeat('0', 64))`,
  `create function audit_is_append_only() returns trigger language plpgsql as $$
    begin raise exception 'audit is append-only'; end
  $$`,
  `create trigger audit_no_change before update or delete on audit for each row execute function audit_is_append_only()`,
  `create trigger audit_no_truncate before truncate on audit for each statement execute function audit_is_append_only()`,

  `create table freezes (
    one boolean primary key default true check (one),
    reason text not null,
    requested_by text not null,
    since timestamptz not null default clock_timestamp()
  )`,
];

/** API keys, the audit chain, the freeze. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
