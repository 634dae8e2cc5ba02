import { type Kysely, sql } from "kysely";

const statements = [
  `create table tenants (
    name text primary key,
    account_id text not null,
    record jsonb not null
  )`,
  `create index tenants_account on tenants (account_id)`,

  `create table provisioning_external_ids (
    account_id text primary key,
    external_id text not null unique
  )`,

  `create table integrations (
    tenant text not null references tenants (name),
    name text not null,
    vendor text not null,
    gone boolean not null default false,
    record jsonb not null,
    primary key (tenant, name)
  )`,
  `create index integrations_vendor on integrations (vendor) where not gone`,

  // If two tenants claim one id at the same time, the primary key decides.
  `create table external_ids (
    vendor text not null,
    digest text not null,
    tenant text not null,
    integrations text[] not null,
    primary key (vendor, digest)
  )`,
  `create index external_ids_tenant on external_ids (tenant)`,

  // Epochs rise over all leases together. So a row may be deleted at release, and a later lease still has a higher epoch.
  `create sequence epochs`,

  `create table operations (
    id uuid primary key,
    position bigint generated always as identity unique,
    kind text not null,
    state text not null check (state in ('queued', 'running', 'awaiting-approval', 'succeeded', 'failed', 'cancelled')),
    tenant text,
    integration text,
    parent uuid references operations (id),
    stacks jsonb not null,
    attempt integer not null default 1,
    epoch bigint not null default 0,
    last_seq integer not null default 0,
    plan_hash text,
    superseded_by uuid,
    request jsonb not null,
    requested_by text not null,
    plugin text,
    deadline_seconds integer not null,
    cancel_requested boolean not null default false,
    created_at timestamptz not null default clock_timestamp(),
    started_at timestamptz,
    finished_at timestamptz,
    result jsonb,
    error jsonb,
    check ((finished_at is not null) = (state in ('succeeded', 'failed', 'cancelled')))
  )`,
  `create index operations_integration on operations (tenant, integration, position)`,
  `create index operations_open on operations (position) where state in ('queued', 'running', 'awaiting-approval')`,
  `create index operations_parent on operations (parent) where parent is not null`,

  `create table operation_events (
    operation uuid not null references operations (id) on delete cascade,
    seq integer not null,
    at timestamptz not null default clock_timestamp(),
    type text not null,
    data jsonb not null,
    primary key (operation, seq)
  )`,

  `create table idempotency_keys (
    caller text not null,
    route text not null,
    key text not null,
    body_hash text not null,
    response jsonb,
    created_at timestamptz not null default clock_timestamp(),
    primary key (caller, route, key)
  )`,
  `create index idempotency_keys_age on idempotency_keys (created_at)`,

  `create table leases (
    resource text primary key,
    operation text not null,
    owner text not null,
    runner text,
    pid integer not null,
    process_start text not null,
    host text not null,
    epoch bigint not null,
    heartbeat timestamptz not null default clock_timestamp()
  )`,
  `create index leases_epoch on leases (epoch)`,
];

/** Makes the first tables. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
