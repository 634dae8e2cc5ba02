import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Proof } from "../../src/iam/contract/contract.ts";
import type { IntegrationRecord } from "../../src/model/integration.ts";
import type { TenantRecord } from "../../src/model/tenant.ts";
import { ProblemError } from "../../src/problem.ts";
import { claimAccount, claimantsOfAccount } from "../../src/store/claims/accounts.ts";
import { migrate } from "../../src/store/database/migrate.ts";
import { integrationReader } from "../../src/store/integration-reader.ts";
import {
  changeIntegration,
  countIntegrations,
  externalIdHolder,
  findIntegration,
  integrationsOfVendor,
  listIntegrations,
  saveIntegration,
  stacksOfTenant,
} from "../../src/store/integrations.ts";
import { findProof } from "../../src/store/proofs.ts";
import { findTenant, listTenants, saveTenant, writeTenantTombstone } from "../../src/store/tenants.ts";
import { backends, counting, type Opened } from "./backends.ts";

const at = "2026-11-22T00:00:00.000Z";

const tenant = (name: string, accountId = "111122223333"): TenantRecord => ({
  name,
  accountId,
  region: "eu-west-1",
  access: { mode: "assume-role", roleArn: `arn:aws:iam::${accountId}:role/DrawbridgeProvisioning` },
  tags: { team: "data" },
  provisioningExternalId: "provisioning-1",
  createdAt: at,
  updatedAt: at,
});

const integration = (tenantName: string, name: string, ids: string[] = []): IntegrationRecord => ({
  tenant: tenantName,
  name,
  blueprint: "custom-s3",
  vendor: "a-vendor",
  version: "1.0.0",
  parameters: { bucket: "b", list: ["x", { y: null }] },
  settings: {},
  externalIds: ids.map((id) => ({ id, since: at })),
  supersededIds: [],
  stacks: [],
  handshake: { state: "role-ready", awaiting: [] },
  createdAt: at,
  updatedAt: at,
});

/** Proofs that differ in the digest of the role's document. */
const proofOver = (role: string): Proof => ({
  verdict: "green",
  trust: "open",
  rows: [],
  digests: { role },
  notCovered: ["x"],
  acceptedBreadth: [],
  at,
});

const code = (expected: string) => (error: unknown) => error instanceof ProblemError && error.problem.code === expected;

for (const backend of backends) {
  describe(`records on ${backend.name}`, () => {
    let opened: Opened;
    before(async () => {
      opened = await backend.open();
    });
    after(() => opened.remove());

    test("a tenant is read as it was saved, and a second save replaces it", async () => {
      const { db } = opened.store;
      await saveTenant(db, tenant("acme"));
      assert.deepEqual(await findTenant(db, "acme"), tenant("acme"));
      await saveTenant(db, { ...tenant("acme"), region: "us-east-1" });
      assert.equal((await findTenant(db, "acme"))?.region, "us-east-1");
      assert.equal(await findTenant(db, "nobody"), undefined);
    });

    test("a proof is stored beside the record: it stays while the record has a summary, a new one replaces it, and it goes with the summary", async () => {
      const { db } = opened.store;
      const proof = proofOver("d1");
      const summary = { verdict: proof.verdict, at };
      const unproven = integration("proven", "a", ["first"]);
      const newer = { ...proofOver("d2"), verdict: "red" as const };
      const read = async () => [(await findIntegration(db, "proven", "a"))?.proof, await findProof(db, "proven", "a")];

      await saveTenant(db, tenant("proven"));
      assert.equal(await findProof(db, "proven", "a"), undefined);
      await saveIntegration(db, unproven);
      assert.deepEqual(await read(), [undefined, null]);
      await saveIntegration(db, { ...unproven, proof }, unproven);
      assert.deepEqual(await read(), [summary, proof]);
      await saveIntegration(db, { ...unproven, proof: summary, settings: { a: 1 } }, unproven);
      assert.deepEqual(await read(), [summary, proof]);
      // A change of the claims uses another statement.
      await saveIntegration(db, { ...integration("proven", "a", ["second"]), proof: summary }, unproven);
      assert.deepEqual(await read(), [summary, proof]);
      await saveIntegration(db, { ...integration("proven", "a", ["third"]), proof: newer }, unproven);
      assert.deepEqual(await read(), [{ verdict: "red", at }, newer]);
      await saveIntegration(db, integration("proven", "a", ["fourth"]), unproven);
      assert.deepEqual(await read(), [undefined, null]);
    });

    test("changes of an older replica count: a proof that it writes into the record, and a proof that it removes", async () => {
      const { db } = opened.store;
      const one = integration("older", "a");
      await saveTenant(db, tenant("older"));
      await saveIntegration(db, { ...one, proof: proofOver("ours") });
      await db
        .updateTable("integrations")
        .set({ record: JSON.stringify({ ...one, proof: proofOver("theirs") }) })
        .where("tenant", "=", "older")
        .execute();
      assert.deepEqual(await findProof(db, "older", "a"), proofOver("theirs"));
      await changeIntegration(db, "older", "a", (record) => ({ ...record, settings: { a: 1 } }));
      assert.deepEqual(await findProof(db, "older", "a"), proofOver("theirs"));
      assert.deepEqual((await findIntegration(db, "older", "a"))?.proof, { verdict: "green", at });
      await db
        .updateTable("integrations")
        .set({ record: JSON.stringify(one) })
        .where("tenant", "=", "older")
        .execute();
      assert.equal(await findProof(db, "older", "a"), null);
    });

    test("concurrent reads of integrations use one statement, and each caller gets its own integration", async () => {
      const { db } = opened.store;
      const counted = counting(db);
      for (const name of ["r1", "r2", "left"]) await saveTenant(db, tenant(name));
      const gone = { ...integration("r2", "b"), goneAt: at };
      const left = { ...integration("left", "a"), goneAt: at };
      for (const one of [integration("r1", "a"), integration("r2", "a"), gone, left]) await saveIntegration(db, one);
      await writeTenantTombstone(db, "left");

      const read = integrationReader(counted.db);
      const asked = ["r2/b", "r1/a", "left/a", "r2/a", "r1/none", "nobody/a", "r1/a"].map((address) => {
        const [tenantName = "", name = ""] = address.split("/");
        return { tenant: tenantName, name };
      });
      const nobody = { tenant: undefined, integration: undefined };
      assert.deepEqual(await Promise.all(asked.map(read)), [
        { tenant: tenant("r2"), integration: gone },
        { tenant: tenant("r1"), integration: integration("r1", "a") },
        nobody,
        { tenant: tenant("r2"), integration: integration("r2", "a") },
        { tenant: tenant("r1"), integration: undefined },
        nobody,
        { tenant: tenant("r1"), integration: integration("r1", "a") },
      ]);
      assert.equal(counted.statements(), 1);

      const changed = { ...integration("r1", "a"), settings: { changed: true } };
      await saveIntegration(db, changed, integration("r1", "a"));
      assert.deepEqual((await read({ tenant: "r1", name: "a" })).integration, changed);
    });

    test("tenants are listed by name in pages without gaps or overlaps, and only the visible ones", async () => {
      const { db } = opened.store;
      for (const name of ["p1", "p2", "p3", "p4", "p5"]) await saveTenant(db, tenant(name, "999900001111"));
      const visible = ["p1", "p2", "p3", "p4", "p5"];
      const names: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await listTenants(db, { tenants: visible, limit: 2, cursor });
        names.push(...page.items.map((item) => item.name));
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
      assert.deepEqual(names, visible);
      assert.deepEqual(await listTenants(db, { tenants: [], limit: 2 }), { items: [], nextCursor: null });
      assert.deepEqual(
        (await listTenants(db, { tenants: ["p2", "absent"], limit: 9 })).items.map((item) => item.name),
        ["p2"],
      );
      assert.ok((await listTenants(db, { tenants: "*", limit: 100 })).items.length >= 5);
    });

    test("a cursor that isn't ours is an invalid request", async () => {
      await assert.rejects(listTenants(opened.store.db, { tenants: "*", limit: 2, cursor: "" }), code("invalid_request"));
    });

    test("a claim on an account stays after its tenant is gone", async () => {
      const { db } = opened.store;
      await saveTenant(db, tenant("twin-a", "444455556666"));
      for (const name of ["twin-b", "twin-a", "twin-a"]) await claimAccount(db, { accountId: "444455556666", name }, true);
      await writeTenantTombstone(db, "twin-a");
      assert.deepEqual(
        (await claimantsOfAccount(db, "444455556666")).map(({ tenant }) => tenant),
        ["twin-a", "twin-b"],
      );
    });

    test("an integration is read as it was saved, JSON arrays and nulls included", async () => {
      const { db } = opened.store;
      await saveTenant(db, tenant("round"));
      const saved = integration("round", "one", ["id-round"]);
      await saveIntegration(db, saved);
      assert.deepEqual(await findIntegration(db, "round", "one"), saved);
    });

    test("gone integrations are listed only on request, and not counted", async () => {
      const { db } = opened.store;
      await saveTenant(db, tenant("lister"));
      for (const name of ["a", "b", "c"]) await saveIntegration(db, integration("lister", name));
      await saveIntegration(db, { ...integration("lister", "b"), goneAt: at });
      const names = async (includeGone: boolean) =>
        (await listIntegrations(db, "lister", { limit: 9, includeGone })).items.map((i) => i.name);
      assert.deepEqual(await names(false), ["a", "c"]);
      assert.deepEqual(await names(true), ["a", "b", "c"]);
      assert.equal(await countIntegrations(db, "lister"), 2);
      const first = await listIntegrations(db, "lister", { limit: 1 });
      const second = await listIntegrations(db, "lister", { limit: 1, cursor: first.nextCursor ?? "" });
      assert.deepEqual(
        [...first.items, ...second.items].map((i) => i.name),
        ["a", "c"],
      );
      assert.equal(second.nextCursor, null);
      assert.ok((await integrationsOfVendor(db, "a-vendor")).every((i) => i.goneAt === undefined));
    });

    test("a vendor's external id belongs to one tenant, in any case, until the integration releases it", async () => {
      const { db } = opened.store;
      await saveTenant(db, tenant("first"));
      await saveTenant(db, tenant("second"));
      await saveIntegration(db, integration("first", "i", ["Shared-ID"]));
      assert.deepEqual(await externalIdHolder(db, "a-vendor", "shared-id"), { tenant: "first", name: "i" });
      assert.equal(await externalIdHolder(db, "another-vendor", "shared-id"), undefined);
      await assert.rejects(saveIntegration(db, integration("second", "i", ["SHARED-id"])), code("external_id_taken"));
      assert.equal(await findIntegration(db, "second", "i"), undefined, "the refused record isn't stored");
      await saveIntegration(db, integration("first", "j", ["Shared-ID"]));
      await saveIntegration(db, integration("first", "i", ["new-id"]));
      assert.deepEqual(await externalIdHolder(db, "a-vendor", "Shared-ID"), { tenant: "first", name: "j" });
      await saveIntegration(db, { ...integration("first", "j", ["Shared-ID"]), goneAt: at });
      await saveIntegration(db, integration("second", "i", ["shared-id"]));
      assert.equal((await externalIdHolder(db, "a-vendor", "shared-id"))?.tenant, "second");
    });

    test("if many tenants claim one external id at once, exactly one gets it", async () => {
      const { db } = opened.store;
      const names = Array.from({ length: 6 }, (_, index) => `racer-${index}`);
      for (const name of names) await saveTenant(db, tenant(name));
      const results = await Promise.allSettled(names.map((name) => saveIntegration(db, integration(name, "i", ["raced"]))));
      assert.equal(results.filter((result) => result.status === "fulfilled").length, 1);
      assert.ok(results.every((result) => result.status === "fulfilled" || code("external_id_taken")(result.reason)));
    });

    test("a tenant's stacks are those of all its integrations, without gone stacks", async () => {
      const { db } = opened.store;
      await saveTenant(db, tenant("stacks"));
      const address = { kind: "role", project: "drawbridge", stack: "role.x-00000000", backendUrl: "s3://b/tenants/stacks" } as const;
      const stack = (status: "up" | "gone") => ({ spec: { kind: "collector" as const, key: status, inputs: {} }, address, status });
      await saveIntegration(db, { ...integration("stacks", "i"), stacks: [stack("up"), stack("gone")] });
      assert.deepEqual(
        (await stacksOfTenant(db, "stacks")).map((item) => [item.integration, item.stack.status]),
        [["i", "up"]],
      );
    });

    test("a tenant becomes a tombstone, but not while it has an integration", async () => {
      const { db } = opened.store;
      await saveTenant(db, tenant("leaver"));
      await saveIntegration(db, integration("leaver", "i"));
      assert.equal(await writeTenantTombstone(db, "leaver"), false);
      await saveIntegration(db, { ...integration("leaver", "i"), goneAt: at });
      assert.equal(await writeTenantTombstone(db, "leaver"), true);
      assert.equal(await findTenant(db, "leaver"), undefined);
      await saveTenant(db, tenant("leaver"));
      assert.ok(await findTenant(db, "leaver"), "a new tenant with the same name replaces the tombstone");
    });

    test("a migration of a current schema changes nothing", async () => {
      await migrate(opened.store.db);
      assert.ok(await findTenant(opened.store.db, "acme"));
    });
  });
}
