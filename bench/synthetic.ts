/** Records by the thousand, multiplied inside the database from one that the service's own code wrote. */
import { sql } from "kysely";
import { sandboxRegion } from "../sandbox/accounts.ts";
import type { IntegrationRecord } from "../src/model/integration.ts";
import type { TenantRecord } from "../src/model/tenant.ts";
import { saveIntegration } from "../src/store/integrations.ts";
import { createOperation } from "../src/store/operations.ts";
import type { Store } from "../src/store/store.ts";
import { saveTenant } from "../src/store/tenants.ts";
import { stackAddress } from "../stacks/name.ts";
import { conductorOne, proofOf, stacksOf } from "./integration.ts";

export interface Amount {
  tenants: number;
  /** of each tenant */
  integrations: number;
  /** ended ones, of each integration */
  operations: number;
}

const accountId = "999999999999";
/** Now: nothing is due for a drift sweep, which would enter accounts that don't exist. */
const at = new Date().toISOString();

function pattern(): { tenant: TenantRecord; integration: IntegrationRecord } {
  const tenant: TenantRecord = {
    name: "tenant-0",
    accountId,
    region: sandboxRegion,
    access: { mode: "assume-role", roleArn: `arn:aws:iam::${accountId}:role/DrawbridgeProvisioning` },
    tags: {},
    provisioningExternalId: "synthetic-provisioning-id",
    createdAt: at,
    updatedAt: at,
  };
  const place = { name: "integration-0", externalId: "synthetic-external-id", tenant: "tenant-0" };
  const integration: IntegrationRecord = {
    tenant: "tenant-0",
    name: "integration-0",
    blueprint: conductorOne.blueprint,
    vendor: "conductorone",
    version: "1.0.0",
    parameters: conductorOne.parameters,
    settings: {},
    externalIds: [],
    supersededIds: [],
    stacks: stacksOf(conductorOne, place).map((spec) => ({
      spec,
      address: stackAddress("s3://synthetic?region=us-east-1", "tenant-0", spec.kind, spec.key),
      status: "up" as const,
      outputs: { roleArn: `arn:aws:iam::${accountId}:role/synthetic`, roleName: "synthetic", roleId: "AROA" },
    })),
    handshake: { state: "trusted", awaiting: [] },
    proof: proofOf(conductorOne, place, at),
    createdAt: at,
    updatedAt: at,
  };
  return { tenant, integration };
}

/** Fills an empty store. The tenants are `tenant-0` and up, their integrations `integration-0` and up; all operations have succeeded. */
export async function fill({ db }: Store, amount: Amount): Promise<void> {
  const { tenant, integration } = pattern();
  await saveTenant(db, tenant);
  await saveIntegration(db, integration);
  const { id } = await createOperation(db, {
    kind: "up",
    tenant: tenant.name,
    integration: integration.name,
    stacks: integration.stacks.map((stack) => stack.address),
    request: { parameters: integration.parameters },
    requestedBy: "bench",
    deadlineSeconds: 900,
  });
  await sql`update operations set state = 'succeeded', finished_at = clock_timestamp() where id = ${id}`.execute(db);
  await sql`insert into tenants (name, account_id, record)
    select 'tenant-' || n, account_id, jsonb_set(record, '{name}', to_jsonb('tenant-' || n))
    from tenants, generate_series(1, ${amount.tenants - 1}::int) n where name = 'tenant-0'`.execute(db);
  await sql`insert into integrations (tenant, name, vendor, gone, proof, record)
    select 'tenant-' || t, 'integration-' || n, vendor, gone, proof,
      record || jsonb_build_object('tenant', 'tenant-' || t, 'name', 'integration-' || n,
        'externalIds', jsonb_build_array(jsonb_build_object('id', 'synthetic-' || t || '-' || n, 'since', ${at}::text)))
    from integrations, generate_series(0, ${amount.tenants - 1}::int) t, generate_series(0, ${amount.integrations - 1}::int) n
    where tenant = 'tenant-0' and name = 'integration-0' and (t, n) <> (0, 0)`.execute(db);
  await sql`insert into external_ids (vendor, digest, tenant, integrations)
    select vendor, encode(sha256((record->'externalIds'->0->>'id')::bytea), 'hex'), tenant, array[name] from integrations
    where jsonb_array_length(record->'externalIds') > 0`.execute(db);
  await sql`insert into operations (id, kind, state, tenant, integration, stacks, request, requested_by, deadline_seconds, finished_at, last_seq)
    select gen_random_uuid(), o.kind, 'succeeded', i.tenant, i.name, o.stacks, o.request, o.requested_by, o.deadline_seconds, clock_timestamp(), 10
    from operations o, integrations i, generate_series(1, ${amount.operations}::int) where o.id = ${id}`.execute(db);
  await sql`insert into operation_events (operation, seq, type, data)
    select id, seq, 'step-done', '{"name":"preflight","ms":20}' from operations, generate_series(1, 10) seq where id <> ${id}`.execute(db);
  await sql`analyze`.execute(db);
}
