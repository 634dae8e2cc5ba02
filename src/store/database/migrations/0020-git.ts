import { type Kysely, sql } from "kysely";

const statements = [
  `create table sources (
    name text primary key,
    record jsonb not null
  )`,

  // Each member has one owner. If two sources claim it, the primary key decides.
  `create table source_members (
    kind text not null check (kind in ('Tenant', 'Integration')),
    tenant text not null,
    name text not null,
    source text not null,
    labels jsonb not null,
    primary key (kind, tenant, name)
  )`,
  `create index source_members_source on source_members (source)`,

  `create table webhook_deliveries (
    source text not null,
    key text not null,
    at timestamptz not null default clock_timestamp(),
    primary key (source, key)
  )`,

  // Scope: 'service' or 'tenant/<name>'. An integration's own pause is in its settings.
  `create table pauses (
    scope text primary key,
    reason text not null,
    requested_by text not null,
    since timestamptz not null default clock_timestamp()
  )`,

  `create table drift (
    tenant text not null,
    integration text not null,
    checked_at timestamptz not null default clock_timestamp(),
    record jsonb not null,
    primary key (tenant, integration)
  )`,
];

/** Sources and their members, webhook deliveries, pauses, drift. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
