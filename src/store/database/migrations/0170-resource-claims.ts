import { type Kysely, sql } from "kysely";

/** The resources that the integrations of an earlier release use: what their stacks name, and what their parameters ask for. */
const named = `
  select i.tenant, i.name as integration, i.record, t.account_id, s.stack from integrations i join tenants t on t.name = i.tenant
    left join lateral jsonb_array_elements(i.record->'stacks') as s (stack) on true
  where not i.gone`;
const used = `
  select account_id, tenant, integration, unnest(array[
    'role/' || lower(case when stack->'spec'->>'kind' = 'role' then stack->'spec'->'inputs'->>'name' end),
    'bucket/' || (stack->'spec'->'inputs'->>'bucket'),
    'bucket/' || (stack->'spec'->'inputs'->>'encryptBucket'),
    stack->'spec'->'inputs'->>'alias',
    'key/' || (stack->'spec'->'inputs'->>'existingKeyArn'),
    'key/' || (stack->'outputs'->>'keyArn'),
    'role/' || lower(record->'parameters'->>'roleName'),
    'bucket/' || (record->'parameters'->>'bucket'),
    'bucket/' || (record->'parameters'->>'agentDataBucket'),
    'key/' || (record->'parameters'->>'kmsKeyArn'),
    'key/' || (record->'parameters'->'encryption'->>'kmsKeyArn')
  ]) as resource from named
  union
  select account_id, tenant, integration, 'bucket/' || (bucket->>'bucket') from named,
    lateral jsonb_array_elements(case when jsonb_typeof(record->'parameters'->'buckets') = 'array' then record->'parameters'->'buckets' else '[]' end) as b (bucket)
  union
  select t.account_id, i.tenant, i.name, 'key/' || (key->>'keyArn') from integrations i join tenants t on t.name = i.tenant,
    lateral jsonb_array_elements(coalesce(i.record->'retained', '[]')) as r (key)`;

const statements = [
  // Whether the claim excludes others. It does once the provisioning role let us in, or if an administrator registered the tenant.
  "alter table claims add column held boolean not null default true",
  `create table resource_claims (
    account_id text not null,
    resource text not null,
    tenant text not null,
    integration text not null,
    since timestamptz not null default clock_timestamp(),
    primary key (account_id, resource, tenant, integration)
  )`,
  "create index resource_claims_by_integration on resource_claims (tenant, integration)",
  `create table claim_grants (
    id text primary key,
    account_id text not null,
    resource text not null,
    tenant text not null,
    granted_by text not null,
    since timestamptz not null default clock_timestamp(),
    unique (account_id, resource, tenant)
  )`,
  `insert into resource_claims (account_id, resource, tenant, integration)
    with named as (${named}), used as (${used})
    select account_id, resource, tenant, integration from used
    where resource is not null and (resource not like 'key/%' or split_part(resource, ':', 5) = account_id)
    on conflict do nothing`,
  // Tenants that already share a resource go on sharing it.
  `insert into claim_grants (id, account_id, resource, tenant, granted_by)
    select gen_random_uuid()::text, account_id, resource, tenant, 'upgrade' from (
      select distinct account_id, resource, tenant from resource_claims c where exists (
        select from resource_claims other where other.account_id = c.account_id and other.resource = c.resource and other.tenant <> c.tenant
      )
    ) as shared`,
];

/** Claims on the resources of an account, and the grants that let several tenants share one. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
