/** The records that the HTTP tests use: tenants `acme` and `empty`, integrations, a plan that waits for approval, a source, keys. */
import { sql } from "kysely";
import type { Context } from "../../src/integrations/context.ts";
import { recordedIntegration } from "../../src/integrations/desired-integration.ts";
import { desiredStacks } from "../../src/integrations/desired-stacks.ts";
import { findTenantIntegration } from "../../src/integrations/lookup.ts";
import { putIntegration } from "../../src/integrations/put.ts";
import type { IntegrationRecord } from "../../src/model/integration.ts";
import { insertApiKey } from "../../src/store/api-keys.ts";
import { claimAccount } from "../../src/store/claims/accounts.ts";
import type { Db } from "../../src/store/database/transaction.ts";
import { saveDrift } from "../../src/store/drift.ts";
import { appendEvents } from "../../src/store/events.ts";
import { changeIntegration } from "../../src/store/integrations.ts";
import { createOperation } from "../../src/store/operations.ts";
import { saveSource } from "../../src/store/sources.ts";
import { saveTenant } from "../../src/store/tenants.ts";
import { finishOperation, parkOperation, startOperation } from "../../src/store/transitions.ts";
import { saveTrustedPrincipal } from "../../src/store/trusted-principals.ts";
import { stackAddress } from "../../stacks/name.ts";
import { accountId, grantFixture, heldOperation, integrationBodyFixture, planHashFixture, tenantBodyFixture } from "./bodies.ts";

const at = "2026-11-22T02:00:00.000Z";
const epoch = 1;

/** Deletes all records except the audit, which is a chain, and writes the seeded records again; from the second call on, from a copy. */
export async function seed(context: Context): Promise<void> {
  const { db } = context.store;
  const tables = await tablesOf(db);
  if (tables.copied) return restore(db, tables.names);
  await lay(context);
  await db.transaction().execute(async (trx) => {
    await sql`create schema ${copies}`.execute(trx);
    for (const name of tables.names) await sql`create table ${copyOf(name)} as table ${sql.table(name)}`.execute(trx);
  });
}

async function lay(context: Context): Promise<void> {
  const { db } = context.store;
  const tenant = { region: "eu-west-1", tags: { team: "data" }, createdAt: at, updatedAt: at };
  const access = { mode: "assume-role" as const, roleArn: tenantBodyFixture.access.roleArn };
  for (const [name, account] of Object.entries({ acme: accountId, empty: "111122224444" })) {
    await saveTenant(db, { ...tenant, name, accountId: account, access, provisioningExternalId: `drawbridge-${name}-3b5f` });
    await claimAccount(db, { accountId: account, name }, true);
  }
  await standing(context);
  const ace = {
    environment: "production",
    labraAccountId: "999988887777",
    externalId: "labra-of-acme-4Hj7Pq",
  };
  await putIntegration(context, {
    tenant: "acme",
    name: "ace",
    body: { blueprint: "labra-oppsync", parameters: ace },
    requestedBy: "tester",
  });
  await held(db);
  await saveDrift(db, "acme", "c1", { verdict: "none", access: "same", differences: [], at, operation: heldOperation });
  const source = { repository: "https://git.example/acme", branch: "main", interval: 300, prune: false, maxDeletes: 0, createdAt: at };
  await saveSource(db, {
    ...source,
    name: "acme",
    kind: "pull",
    tenants: "*",
    requestedBy: "ops",
    scopes: ["write"],
    webhookSecret: "hook",
  });
  await saveTrustedPrincipal(db, { id: "reader", vendor: "metrics", principalArn: "arn:aws:iam::999988887777:root", addedBy: "admin" });
  await db
    .insertInto("claim_grants")
    .values({ id: grantFixture, account_id: accountId, resource: "bucket/acme-data", tenant: "empty", granted_by: "admin" })
    .execute();
  await insertApiKey(db, {
    id: "key-1",
    family: "key-1",
    subject: "acme-ci",
    tenants: ["acme"],
    scopes: ["read"],
    createdBy: "admin",
    digest: "00",
  });
}

const copies = sql.id("seeded");
const copyOf = (name: string) => sql`${copies}.${sql.id(name)}`;

async function tablesOf(db: Db): Promise<{ names: string[]; copied: boolean }> {
  const { rows } = await sql<{ schemaname: string; tablename: string }>`
    select schemaname, tablename from pg_tables
    where schemaname in ('public', 'seeded') and tablename not like 'kysely%' and tablename not like 'audit%'`.execute(db);
  const names = rows.filter(({ schemaname }) => schemaname === "public").map(({ tablename }) => tablename);
  return { names, copied: rows.some(({ schemaname }) => schemaname === "seeded") };
}

async function restore(db: Db, names: readonly string[]): Promise<void> {
  await db.transaction().execute(async (trx) => {
    // Rows are written in any order, so references aren't checked until the end.
    await sql`set local session_replication_role = replica`.execute(trx);
    // With few rows, deleting them is faster than a TRUNCATE, which makes new files.
    for (const name of names) {
      await sql`delete from ${sql.table(name)}`.execute(trx);
      await sql`insert into ${sql.table(name)} overriding system value select * from ${copyOf(name)}`.execute(trx);
    }
  });
}

/** Integration `c1` as after its first update: created and proven, with an operation that ended after three events. */
async function standing(context: Context): Promise<void> {
  const { db } = context.store;
  const parameters = { ...integrationBodyFixture.parameters, externalId: "c1-7d1f6a93b2e84c05a1f2" };
  const body = { ...integrationBodyFixture, parameters };
  const { operation } = await putIntegration(context, { tenant: "acme", name: "c1", body, requestedBy: "tester" });
  if (!operation) throw new Error("the first PUT begins an operation");
  await startOperation(db, operation.id, { epoch });
  await appendEvents(db, operation.id, epoch, [{ type: "step", data: { step: 1 } }]);
  await finishOperation(db, operation.id, epoch, { state: "succeeded" });
  const { tenant, record: asked } = await findTenantIntegration(context, "acme", "c1");
  const { specs, specHash } = desiredStacks(tenant, await recordedIntegration(context, asked));
  const up = (record: IntegrationRecord): IntegrationRecord => {
    const { authors: _none, ...rest } = record;
    return {
      ...rest,
      stacks: specs.map((spec) => ({
        spec,
        address: stackAddress(context.stateUrl, "acme", spec.kind, spec.key),
        status: "up" as const,
        outputs: { roleArn: `arn:aws:iam::${accountId}:role/ConductorOneIntegration` },
      })),
      lastUp: { operation: operation.id, succeeded: true, specHash },
      retained: [
        { key: "c1", keyArn: `arn:aws:kms:eu-west-1:${accountId}:key/1`, alias: "alias/drawbridge/c1", since: at, why: "It was replaced." },
      ],
      proof: {
        verdict: "green",
        trust: "open",
        rows: [],
        digests: {},
        notCovered: [],
        acceptedBreadth: [],
        at,
      } as IntegrationRecord["proof"] & object,
    };
  };
  await changeIntegration(db, "acme", "c1", up);
}

async function held(db: Db): Promise<void> {
  const authors = [{ subject: "somebody", operation: heldOperation }];
  const request = { ...integrationBodyFixture, version: "1.0.0", externalIds: [], authors };
  const asked = { kind: "up", tenant: "acme", integration: "ace", requestedBy: "somebody", deadlineSeconds: 60 } as const;
  await createOperation(db, { ...asked, id: heldOperation, request });
  await startOperation(db, heldOperation, { epoch });
  await parkOperation(db, heldOperation, epoch, { planHash: planHashFixture });
}
