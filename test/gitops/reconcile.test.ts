import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { type Asker, acceptPush, type Push, refuseManaged } from "../../src/gitops/accept-reconcile.ts";
import { putIntegration } from "../../src/integrations/put.ts";
import { jobOf } from "../../src/operations/queue/job.ts";
import { ProblemError } from "../../src/problem.ts";
import { eventsAfter } from "../../src/store/events.ts";
import { changeIntegration, findIntegration } from "../../src/store/integrations.ts";
import { findOperation, type StoredOperation } from "../../src/store/operations.ts";
import { pause, resume } from "../../src/store/pauses.ts";
import { approveOperation } from "../../src/store/transitions.ts";
import { everybody, type GitopsRig, integrationManifest, itemsOf, startGitopsRig, tenantManifest } from "./rig.ts";

const repository = "https://git.example/acme/access.git";
let revisions = 0;

describe("reconcile", { concurrency: false }, () => {
  let rig: GitopsRig;
  before(async () => {
    rig = await startGitopsRig();
  });
  after(() => rig?.close());
  beforeEach(() => {
    rig.ran.length = 0;
    rig.during.child = async () => {};
  });

  const push = async (manifests: Push["manifests"], more: Partial<Push> & { by?: Asker; repository?: string; sequence?: number } = {}) => {
    const { by = everybody, repository: from = repository, sequence, ...options } = more;
    revisions += 1;
    const source = { repository: from, revision: `r${revisions}`, ...(sequence !== undefined && { sequence }) };
    const defaults = { prune: false, maxDeletes: 0, dryRun: false, atomic: false };
    const operation = await acceptPush(rig.context, { ...defaults, ...options, source, manifests }, by);
    return rig.ended(operation.id);
  };
  const outcomes = (operation: StoredOperation) =>
    Object.fromEntries(itemsOf(operation).map((item) => [`${item.kind} ${item.name}`, item.outcome]));
  const itemOf = (operation: StoredOperation, name: string) => itemsOf(operation).find((item) => item.name === name);
  const ada = [tenantManifest("ada"), integrationManifest("ada", "one"), integrationManifest("ada", "two")];
  const code = (wanted: string) => (error: unknown) => error instanceof ProblemError && error.problem.code === wanted;

  test("a dry run says what would be added and changes nothing", async () => {
    const operation = await push(ada, { dryRun: true });
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    assert.deepEqual(outcomes(operation), { "Tenant ada": "added", "Integration one": "added", "Integration two": "added" });
    assert.equal(await findIntegration(rig.context.store.db, "ada", "one"), undefined);
    assert.deepEqual(rig.ran, []);
  });

  test("the first push registers the tenant and brings each integration up as a child", async () => {
    const operation = await push(ada);
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    assert.equal(operation.children?.length, 2);
    assert.deepEqual(rig.ran.sort(), ["up ada/one", "up ada/two"]);
    const child = await findOperation(rig.context.store.db, operation.children?.[0] ?? "");
    assert.equal(child?.parent, operation.id);
  });

  test("the same again runs nothing; one change among them runs alone", async () => {
    const same = await push(ada);
    assert.deepEqual(outcomes(same), { "Tenant ada": "unchanged", "Integration one": "unchanged", "Integration two": "unchanged" });
    const changed = await push([
      tenantManifest("ada"),
      integrationManifest("ada", "one"),
      integrationManifest("ada", "two", { bucket: "another-bucket" }),
    ]);
    assert.equal(outcomes(changed)["Integration two"], "changed");
    assert.deepEqual(rig.ran, ["up ada/two"]);
  });

  test("what a teardown has closed stays closed under the same manifest, and that is said", async () => {
    const { db } = rig.context.store;
    await changeIntegration(db, "ada", "one", (now) => ({ ...now, closedByTeardown: true }));
    const same = await push([tenantManifest("ada"), integrationManifest("ada", "one")]);
    assert.equal(itemOf(same, "one")?.outcome, "unchanged");
    assert.match(itemOf(same, "one")?.reason ?? "", /A teardown closed its access and didn't end/);
    assert.deepEqual(rig.ran, []);
    await changeIntegration(db, "ada", "one", ({ closedByTeardown: _closed, ...now }) => now);
  });

  test("one bad manifest is refused by name and pointer, and the others go on", async () => {
    const bad = { ...integrationManifest("ada", "bad"), spec: { blueprint: "conductorone-s3", parameters: { bucket: "UPPER" } } };
    const worse = { ...integrationManifest("ada", "worse"), spec: { blueprint: "no-such", parameters: {} } };
    const loose = { ...integrationManifest("ada", "loose"), spec: { ...integrationManifest("ada", "x").spec, colour: "red" } };
    const operation = await push([
      ...ada,
      bad,
      worse,
      loose,
      integrationManifest("ada", "good"),
      integrationManifest("ada", "good"),
      integrationManifest("nobody", "x"),
    ]);
    assert.equal(operation.state, "failed");
    assert.equal(operation.error?.code, "reconcile_incomplete");
    assert.equal(itemOf(operation, "bad")?.pointer, "/spec/parameters/bucket");
    assert.equal(itemOf(operation, "worse")?.code, "unknown_blueprint");
    assert.equal(itemOf(operation, "loose")?.pointer, "/spec/colour");
    assert.equal(itemOf(operation, "x")?.code, "not_found");
    assert.deepEqual(operation.result?.["summary"], { added: 1, changed: 1, unchanged: 2, pruned: 0, kept: 0, refused: 5 });
    assert.ok(rig.ran.includes("up ada/good"));
  });

  test("atomic stops before anything when one manifest is refused", async () => {
    const operation = await push([integrationManifest("ada", "fresh"), { ...integrationManifest("ada", "bad"), spec: {} }], {
      atomic: true,
    });
    assert.equal(operation.error?.code, "reconcile_refused");
    assert.deepEqual(rig.ran, []);
    assert.equal(await findIntegration(rig.context.store.db, "ada", "fresh"), undefined);
  });

  test("what is no longer named is kept without prune", async () => {
    const operation = await push(ada);
    assert.equal(outcomes(operation)["Integration good"], "kept");
    assert.ok(!rig.ran.some((one) => one.startsWith("destroy")));
  });

  test("deletes beyond maxDeletes wait for an approval, all of them, and then run", async () => {
    const operation = await push([tenantManifest("ada"), integrationManifest("ada", "one")], { prune: true, maxDeletes: 1 });
    assert.equal(operation.state, "awaiting-approval");
    assert.match(itemOf(operation, "good")?.reason ?? "", /2 deletes are more than maxDeletes \(1\)/);
    assert.ok(!rig.ran.some((one) => one.startsWith("destroy")), "none has run");
    const { context } = rig;
    await context.store.db.transaction().execute(async (trx) => {
      const approved = await approveOperation(trx, operation.id, "somebody-else");
      await context.queue.enqueue(trx, jobOf(approved));
    });
    let done = await rig.ended(operation.id);
    while (done.state === "awaiting-approval") done = await rig.ended(operation.id);
    assert.equal(done.state, "succeeded", JSON.stringify(done.error));
    assert.deepEqual(rig.ran.filter((one) => one.startsWith("destroy")).sort(), ["destroy ada/good", "destroy ada/two"]);
  });

  test("prune within the limit destroys what the source owns, never another source's or nobody's", async () => {
    await putIntegration(rig.context, {
      tenant: "ada",
      name: "by-hand",
      body: integrationManifest("ada", "by-hand").spec as never,
      requestedBy: "ops",
    });
    await push([integrationManifest("ada", "theirs")], { repository: "https://git.example/other.git" });
    await push([tenantManifest("ada"), integrationManifest("ada", "one"), integrationManifest("ada", "two")]);
    rig.ran.length = 0;
    const operation = await push([tenantManifest("ada"), integrationManifest("ada", "one")], { prune: true, maxDeletes: 5 });
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    assert.deepEqual(rig.ran, ["destroy ada/two"]);
  });

  test("another source's integration is refused, and so is an edit by hand", async () => {
    const operation = await push([integrationManifest("ada", "theirs")]);
    assert.equal(itemOf(operation, "theirs")?.code, "managed_by_source");
    await assert.rejects(
      refuseManaged(rig.context, { kind: "Integration", tenant: "ada", name: "theirs" }, ["ada"]),
      code("managed_by_source"),
    );
    await assert.rejects(refuseManaged(rig.context, { kind: "Tenant", tenant: "ada", name: "ada" }, "*"), code("managed_by_source"));
    await refuseManaged(rig.context, { kind: "Integration", tenant: "ada", name: "by-hand" }, "*");
  });

  test("a caller without destroy prunes nothing, and one without the tenant sees nothing", async () => {
    const mine = "https://git.example/limited.git";
    const limited = { subject: "ada-ci", tenants: ["ada"], mayDestroy: false, administers: false, credential: { kind: "admin" as const } };
    await push([integrationManifest("ada", "small")], { repository: mine, by: limited });
    const operation = await push([], { repository: mine, by: limited, prune: true, maxDeletes: 9 });
    assert.match(itemOf(operation, "small")?.reason ?? "", /scope destroy/);
    const foreign = await push([integrationManifest("ben", "x"), tenantManifest("ben", "333333333333")], { repository: mine, by: limited });
    assert.deepEqual(foreign.result?.["summary"], { added: 0, changed: 0, unchanged: 0, pruned: 0, kept: 1, refused: 2 });
    const stranger = { subject: "ben-ci", tenants: ["ben"], mayDestroy: true, administers: false, credential: { kind: "admin" as const } };
    const theirs = await push([], { repository: mine, by: stranger, prune: true, maxDeletes: 9 });
    assert.deepEqual(itemsOf(theirs), [], "a repository's name gives nobody the source that has it");
  });

  test("a lower sequence is stale, the same one may run again", async () => {
    const from = "https://git.example/sequenced.git";
    await push([], { repository: from, sequence: 7 });
    await push([], { repository: from, sequence: 7 });
    await assert.rejects(push([], { repository: from, sequence: 6 }), code("stale_revision"));
  });

  test("a newer revision ends one that still watches; what that one started goes on", async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    rig.during.child = () => held;
    revisions += 1;
    const manifests = [integrationManifest("ada", "slow")];
    const options = { prune: false, maxDeletes: 0, dryRun: false, atomic: false };
    const from = "https://git.example/busy.git";
    const first = await acceptPush(rig.context, { source: { repository: from, revision: "a" }, manifests, ...options }, everybody);
    while ((await findIntegration(rig.context.store.db, "ada", "slow")) === undefined)
      await new Promise((resolve) => setTimeout(resolve, 50));
    const second = await acceptPush(rig.context, { source: { repository: from, revision: "b" }, manifests, ...options }, everybody);
    assert.equal((await rig.ended(first.id)).state, "cancelled");
    release();
    const done = await rig.ended(second.id);
    assert.equal(done.state, "succeeded", JSON.stringify(done.error));
    assert.deepEqual(rig.ran, ["up ada/slow"], "one run served both");
  });

  test("a paused integration, tenant or service is left alone", async () => {
    const { db } = rig.context.store;
    const from = "https://git.example/paused.git";
    const still = (paused: boolean, bucket: string) => {
      const manifest = integrationManifest("ada", "still", { bucket });
      return { ...manifest, spec: { ...manifest.spec, settings: { paused } } };
    };
    await push([still(true, "first-bucket")], { repository: from });
    rig.ran.length = 0;
    const refused = await push([still(true, "second-bucket")], { repository: from });
    assert.equal(itemOf(refused, "still")?.code, "paused");
    for (const scope of ["service", "tenant/ada"] as const) {
      await pause(db, { scope, reason: "freeze", requestedBy: "ops" });
      assert.equal(itemOf(await push([still(false, "second-bucket")], { repository: from }), "still")?.code, "paused");
      await resume(db, scope);
    }
    assert.deepEqual(rig.ran, []);
    await push([still(false, "second-bucket")], { repository: from });
    assert.deepEqual(rig.ran, ["up ada/still"]);
  });

  test("more parents than workers wait side by side without a deadlock", async () => {
    const began = performance.now();
    const all = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        push([integrationManifest("ada", `p${index}`)], { repository: `https://git.example/p${index}.git` }),
      ),
    );
    assert.deepEqual(
      all.map((operation) => operation.state),
      Array(8).fill("succeeded"),
    );
    assert.ok(performance.now() - began < 30_000);
  });

  test("a child's failure is named in the result and fails the whole", async () => {
    rig.during.child = async () => {
      throw new ProblemError("bucket_not_found", "There is no such bucket.");
    };
    const operation = await push([integrationManifest("ada", "broken")], { repository: "https://git.example/broken.git" });
    assert.equal(operation.error?.code, "reconcile_incomplete");
    assert.deepEqual([itemOf(operation, "broken")?.state, itemOf(operation, "broken")?.code], ["failed", "bucket_not_found"]);
    const events = await eventsAfter(rig.context.store.db, operation.id, 0, 100);
    assert.ok(events.some((event) => event.type === "child-ended"));
  });
});
