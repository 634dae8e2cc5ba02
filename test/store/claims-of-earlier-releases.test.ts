/** The upgrade to claims: what exists is claimed, what is shared is granted. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Kysely, sql } from "kysely";
import type { IntegrationRecord } from "../../src/model/integration.ts";
import { listClaimGrants, listClaims } from "../../src/store/claims/resources.ts";
import { up } from "../../src/store/database/migrations/0170-resource-claims.ts";
import { saveIntegration } from "../../src/store/integrations.ts";
import type { Store } from "../../src/store/store.ts";
import { saveTenant } from "../../src/store/tenants.ts";
import { backends, type Opened } from "./backends.ts";

const accountId = "111122223333";
const at = "2026-11-22T02:00:00.000Z";
const keyArn = `arn:aws:kms:eu-west-1:${accountId}:key/1`;

const record = (tenant: string, name: string, parts: Partial<IntegrationRecord>): IntegrationRecord => ({
  tenant,
  name,
  blueprint: "conductorone-s3",
  vendor: "conductorone",
  version: "1.0.0",
  parameters: {},
  settings: {},
  externalIds: [],
  supersededIds: [],
  stacks: [],
  handshake: { state: "role-ready", awaiting: [] },
  createdAt: at,
  updatedAt: at,
  ...parts,
});
const stack = (kind: string, inputs: object, outputs: object = {}) =>
  ({ spec: { kind, key: kind, inputs }, status: "up", outputs }) as never;

let opened: Opened;
let store: Store;
before(async () => {
  const [backend] = backends;
  assert.ok(backend);
  opened = await backend.open();
  ({ store } = opened);
  const tenant = { accountId, region: "eu-west-1", access: { mode: "hand-off" as const }, tags: {}, createdAt: at, updatedAt: at };
  for (const name of ["acme", "globex"]) await saveTenant(store.db, { ...tenant, name, provisioningExternalId: name });
  await saveIntegration(
    store.db,
    record("acme", "c1", {
      parameters: { bucket: "shared", roleName: "Reader", buckets: "odd" },
      stacks: [stack("role", { name: "Reader" }), stack("kms-key", { alias: "alias/one" }, { keyArn })],
      retained: [{ key: "old", keyArn: `${keyArn}0`, alias: "alias/old", since: at, why: "data" }],
    }),
  );
  await saveIntegration(store.db, record("globex", "custom", { parameters: { buckets: [{ bucket: "shared" }, { bucket: "own" }] } }));
  await saveIntegration(store.db, record("globex", "gone", { parameters: { bucket: "left" }, goneAt: at }));
  await sql`drop table resource_claims, claim_grants`.execute(store.db);
  await sql`alter table claims drop column held`.execute(store.db);
  await store.db.transaction().execute((trx) => up(trx as unknown as Kysely<unknown>));
});
after(() => opened?.remove());

test("each integration claims what its stacks and its parameters name, and its retained keys", async () => {
  const { items } = await listClaims(store.db, { accountId, limit: 50 });
  assert.deepEqual(
    items.map(({ resource, tenant }) => `${resource} ${tenant}`),
    [
      "alias/one acme",
      "bucket/own globex",
      "bucket/shared acme",
      "bucket/shared globex",
      `key/${keyArn} acme`,
      `key/${keyArn}0 acme`,
      "role/reader acme",
    ],
  );
});

test("tenants that share a resource get a grant for it, and nobody gets another one", async () => {
  const grants = await listClaimGrants(store.db);
  assert.deepEqual(
    grants.map(({ resource, tenant, grantedBy }) => [resource, tenant, grantedBy]),
    [
      ["bucket/shared", "acme", "upgrade"],
      ["bucket/shared", "globex", "upgrade"],
    ],
  );
});
