import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { DriftRecord } from "../../src/model/drift.ts";
import type { IntegrationRecord } from "../../src/model/integration.ts";
import { findDrift, saveDrift, tenantsDueForSweep } from "../../src/store/drift.ts";
import { saveIntegration } from "../../src/store/integrations.ts";
import { findSource, noteDelivery, noteFetch, saveSource, takeDueSources } from "../../src/store/sources.ts";
import { saveTenant } from "../../src/store/tenants.ts";
import { backends, type Opened } from "./backends.ts";

const hourAgo = new Date(Date.now() - 3_600_000).toISOString();
const tenant = (name: string, mode: "own-credentials" | "hand-off") => ({
  name,
  accountId: "222222222222",
  region: "us-east-1",
  access: { mode },
  tags: {},
  provisioningExternalId: "an-id-of-the-account",
  createdAt: hourAgo,
  updatedAt: hourAgo,
});
const integration = (of: string, name: string, change: Partial<IntegrationRecord> = {}): IntegrationRecord => ({
  tenant: of,
  name,
  blueprint: "conductorone-s3",
  vendor: "conductorone",
  version: "1.0.0",
  parameters: {},
  settings: {},
  externalIds: [],
  supersededIds: [],
  stacks: [
    {
      spec: { kind: "bucket-policy", key: name, inputs: { bucket: name, policy: { Version: "2012-10-17", Statement: [] } } },
      address: { kind: "bucket-policy", project: "drawbridge", stack: name, backendUrl: "s3://state" },
      status: "up",
    },
  ],
  handshake: { state: "trusted", awaiting: [] },
  createdAt: hourAgo,
  updatedAt: hourAgo,
  ...change,
});
const seen: DriftRecord = { verdict: "none", access: "same", differences: [], at: hourAgo, operation: "one" };

for (const backend of backends) {
  describe(`records of automation on ${backend.name}`, { concurrency: false }, () => {
    let opened: Opened;
    before(async () => {
      opened = await backend.open();
    });
    after(() => opened?.remove());

    test("a sweep is due for an integration with stacks, in a tenant that we may enter, not ignored and not checked recently", async () => {
      const { db } = opened.store;
      for (const name of ["due", "fresh", "ignored", "empty", "looked-at"]) await saveTenant(db, tenant(name, "own-credentials"));
      await saveTenant(db, tenant("theirs", "hand-off"));
      await saveIntegration(db, integration("due", "a"));
      await saveIntegration(db, integration("fresh", "a", { updatedAt: new Date().toISOString() }));
      await saveIntegration(db, integration("ignored", "a", { settings: { drift: "ignore" } }));
      await saveIntegration(db, integration("empty", "a", { stacks: [] }));
      await saveIntegration(db, integration("theirs", "a"));
      await saveIntegration(db, integration("looked-at", "a"));
      await saveDrift(db, "looked-at", "a", seen);
      assert.deepEqual(await tenantsDueForSweep(db, 900, 20), ["due"]);
      assert.deepEqual(await findDrift(db, "looked-at", "a"), seen);
      await saveDrift(db, "due", "a", { ...seen, verdict: "unknown" });
      assert.deepEqual(await tenantsDueForSweep(db, 900, 20), []);
      assert.deepEqual(await tenantsDueForSweep(db, -1, 20), ["due", "fresh", "looked-at"]);
    });

    test("a source is due once in its interval, for one caller only", async () => {
      const { db } = opened.store;
      const source = {
        kind: "pull" as const,
        repository: "/r",
        tenants: "*" as const,
        requestedBy: "ops",
        interval: 300,
        createdAt: hourAgo,
      };
      await saveSource(db, { ...source, name: "never" });
      await saveSource(db, { ...source, name: "long-ago", lastAt: hourAgo });
      await saveSource(db, { ...source, name: "just-now", lastAt: new Date().toISOString() });
      await saveSource(db, { ...source, name: "pushed", kind: "push" });
      const now = new Date().toISOString();
      const taken = await Promise.all([takeDueSources(db, now), takeDueSources(db, now)]);
      assert.deepEqual(
        taken
          .flat()
          .map(({ name }) => name)
          .sort(),
        ["long-ago", "never"],
      );
    });

    test("a failing source is fetched less and less often, but at least once a day; after a success the usual interval applies", async () => {
      const { db } = opened.store;
      const at = "2026-11-22T00:00:00.000Z";
      const source = { name: "failing", kind: "pull", repository: "r", tenants: "*", requestedBy: "ops", createdAt: at } as const;
      await saveSource(db, { ...source, interval: 300, lastAt: at });
      const isDueAfter = async (seconds: number) => {
        const now = new Date(Date.parse(at) + seconds * 1_000).toISOString();
        const due = (await takeDueSources(db, now)).some(({ name }) => name === "failing");
        const record = await findSource(db, "failing");
        assert.ok(record);
        await saveSource(db, { ...record, lastAt: at });
        return due;
      };
      assert.deepEqual([await isDueAfter(299), await isDueAfter(300)], [false, true]);
      for (const seconds of [600, 1_200, 2_400]) {
        await noteFetch(db, "failing", "failed");
        assert.deepEqual([await isDueAfter(seconds - 1), await isDueAfter(seconds)], [false, true]);
      }
      for (let more = 0; more < 40; more++) await noteFetch(db, "failing", "failed");
      assert.deepEqual([await isDueAfter(86_399), await isDueAfter(86_400)], [false, true]);
      await noteFetch(db, "failing", { revision: "4f2a9c1" });
      assert.deepEqual([await isDueAfter(299), await isDueAfter(300)], [false, true]);
      assert.equal((await findSource(db, "failing"))?.revision, "4f2a9c1");
    });

    test("a delivery counts only once if it shares any key with an earlier one", async () => {
      const { db } = opened.store;
      assert.equal(await noteDelivery(db, "s", ["delivery:1", "content:x"]), true);
      assert.equal(await noteDelivery(db, "s", ["delivery:2", "content:x"]), false);
      assert.equal(await noteDelivery(db, "s", ["delivery:1", "content:y"]), false);
      assert.equal(await noteDelivery(db, "other", ["delivery:1", "content:x"]), true);
    });
  });
}
