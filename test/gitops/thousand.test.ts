import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { acceptPush } from "../../src/integrations/accept-reconcile.ts";
import { everybody, type House, integrationManifest, itemsOf, openHouse, tenantManifest } from "./house.ts";

/** What the house gives no reconcile: an engine or AWS. A test that used either would fail, so both counts are zero. */
let house: House;
before(async () => {
  house = await openHouse({ concurrency: 8 });
});
after(() => house?.close());

const tenants = Array.from({ length: 10 }, (_, index) => `t${index}`);
const manifests = [
  ...tenants.map((name, index) => tenantManifest(name, String(100_000_000_000 + index))),
  ...Array.from({ length: 1_000 }, (_, index) => integrationManifest(`t${index % 10}`, `i${index}`)),
];
const push = (given: typeof manifests, revision: string) =>
  acceptPush(
    house.shell,
    {
      source: { repository: "https://git.example/large.git", revision },
      manifests: given,
      prune: true,
      maxDeletes: 0,
      dryRun: false,
      atomic: false,
    },
    everybody,
  );

test("a thousand unchanged manifests take at most 5 s, and one changed among them runs alone", { timeout: 170_000 }, async (context) => {
  const first = await push(manifests, "a");
  const deadline = Date.now() + 150_000;
  while (house.ran.length < 1_000 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal((await house.ended(first.id)).state, "succeeded");
  house.ran.length = 0;

  const began = performance.now();
  const same = await house.ended((await push(manifests, "b")).id);
  const seconds = (performance.now() - began) / 1_000;
  context.diagnostic(`1,010 unchanged manifests: ${seconds.toFixed(2)} s`);
  assert.deepEqual(same.result?.["summary"], { added: 0, changed: 0, unchanged: 1_010, pruned: 0, kept: 0, refused: 0 });
  assert.deepEqual(house.ran, [], "no operation was started");
  assert.equal(same.children, undefined);
  assert.ok(seconds <= 5, `${seconds.toFixed(2)} s`);

  const one = manifests.map((manifest) =>
    manifest.metadata.name === "i500" ? integrationManifest("t0", "i500", { bucket: "other" }) : manifest,
  );
  const changed = await house.ended((await push(one, "c")).id);
  assert.equal(changed.state, "succeeded");
  assert.deepEqual(house.ran, ["up t0/i500"]);
  assert.deepEqual(
    itemsOf(changed)
      .filter((item) => item.outcome !== "unchanged")
      .map((item) => item.name),
    ["i500"],
  );
});
