/** The door of manifests: whose things, which kind, planned or applied. Generated, like the matrix of routes in authorisation.test.ts. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Asker, acceptPush } from "../../src/gitops/accept-reconcile.ts";
import { findIntegration } from "../../src/store/integrations.ts";
import { findTenant, writeTenantTombstone } from "../../src/store/tenants.ts";
import { everybody, type GitopsRig, integrationManifest, itemsOf, startGitopsRig, tenantManifest } from "../gitops/rig.ts";

/** `near` has the account of `beta`; `former` is gone; nobody ever registered `nobody`. */
const accounts = { acme: "222222222222", near: "333333333333", beta: "333333333333", former: "444444444444" };
const victims = ["acme", "near", "former", "nobody"] as const;
const beta: Asker = { subject: "beta", tenants: ["beta"], mayDestroy: true, administers: false, credential: { kind: "admin" } };

let rig: GitopsRig;
const push = async (by: Asker, manifests: object[], dryRun = false) => {
  const source = { repository: `https://git.example/${by.subject}`, revision: "1" };
  const asked = { source, manifests: manifests as never, prune: true, maxDeletes: 99, dryRun, atomic: false };
  return rig.ended((await acceptPush(rig.context, asked, by)).id);
};

before(async () => {
  rig = await startGitopsRig();
  const named = Object.entries(accounts).filter(([name]) => name !== "former");
  await push(everybody, [
    ...Object.entries(accounts).map(([name, account]) => tenantManifest(name, account)),
    ...named.map(([name]) => integrationManifest(name, "c1")),
  ]);
  assert.equal(await writeTenantTombstone(rig.context.store.db, "former"), true);
});
after(() => rig?.close());

for (const dryRun of [true, false]) {
  for (const victim of victims) {
    const how = dryRun ? "planned" : "applied";
    test(`a tenant and an integration of ${victim}, ${how} by a caller of another tenant: refused, whatever exists`, async () => {
      const account = victim === "nobody" ? "555555555555" : accounts[victim];
      const operation = await push(beta, [tenantManifest(victim, account), integrationManifest(victim, "c1")], dryRun);
      assert.deepEqual(
        itemsOf(operation).map(({ outcome, code, reason }) => [outcome, code, reason]),
        [
          ["refused", "not_found", "There is no such tenant here."],
          ["refused", "not_found", "There is no such tenant here."],
        ],
      );
    });
  }
}

test("and nothing of them changed, nor was pruned by a push that names nothing", async () => {
  const { db } = rig.context.store;
  await push(beta, []);
  for (const victim of ["acme", "near", "beta"]) {
    assert.ok(await findTenant(db, victim));
    assert.equal((await findIntegration(db, victim, "c1"))?.goneAt, undefined);
  }
  assert.equal(await findTenant(db, "nobody"), undefined);
});
