/** What was asked for with a key goes on only while that key may still ask for it: keys are removed, narrowed and rotated meanwhile. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { makeKey, removeKey, rotateKey } from "../../src/access/identity/api-keys.ts";
import { issuersSchema } from "../../src/access/identity/oidc.ts";
import { rightsLookup } from "../../src/access/identity/rights.ts";
import { acceptPull, acceptPush, askerOf } from "../../src/gitops/accept-reconcile.ts";
import { currentRights } from "../../src/gitops/reconcile-rights.ts";
import { putSource } from "../../src/gitops/sources.ts";
import { approve } from "../../src/integrations/approval/approve.ts";
import { refuseWithoutRights } from "../../src/integrations/approval/author-rights.ts";
import { type Caller, type Credential, type Scope, scopes } from "../../src/model/caller.ts";
import { findIntegration } from "../../src/store/integrations.ts";
import { createOperation, openOperations } from "../../src/store/operations.ts";
import { everybody, type GitopsRig, integrationManifest, itemsOf, startGitopsRig, tenantManifest } from "../gitops/rig.ts";

const admin: Caller = { subject: "admin", tenants: "*", scopes, credential: { kind: "admin" } };
let rig: GitopsRig;

interface Made {
  caller: Caller;
  id: string;
}

async function key(subject: string, tenants: "*" | string[], held: Scope[]): Promise<Made> {
  const made = await makeKey(rig.context.store.db, admin, { subject, tenants, scopes: held });
  return { id: made.id, caller: { subject, tenants, scopes: held, credential: { kind: "key", id: made.family } } };
}

const pushed = (by: Caller, manifests: object[], more: object = {}) =>
  acceptPush(
    rig.context,
    {
      source: { repository: `https://git.example/${by.subject}`, revision: "1" },
      manifests: manifests as never,
      prune: false,
      maxDeletes: 9,
      dryRun: false,
      atomic: false,
      ...more,
    },
    askerOf(by),
  );

/** Accepts while nothing runs, then does `meanwhile`, and returns the operation as it ends. */
async function heldBack(accepting: () => Promise<{ id: string }>, meanwhile: () => Promise<unknown>) {
  await rig.context.queue.pause();
  const { id } = await accepting();
  await meanwhile();
  await rig.context.queue.resume();
  return rig.ended(id);
}

before(async () => {
  rig = await startGitopsRig();
  const { id } = await pushed({ ...admin, subject: everybody.subject }, [tenantManifest("acme"), tenantManifest("other", "333333333333")]);
  await rig.ended(id);
});
after(() => rig?.close());

describe("a reconcile", { concurrency: false }, () => {
  test("of a key that is removed before it runs changes nothing", async () => {
    const { db } = rig.context.store;
    const ci = await key("removed-ci", ["acme"], ["write", "destroy"]);
    const ended = await heldBack(
      () => pushed(ci.caller, [integrationManifest("acme", "late")]),
      () => removeKey(db, ci.id),
    );
    assert.equal(ended.error?.code, "author_without_rights");
    assert.equal(await findIntegration(db, "acme", "late"), undefined);
  });

  test("of a key that is rotated goes on", async () => {
    const { db } = rig.context.store;
    const ci = await key("rotated-ci", ["acme"], ["write"]);
    const ended = await heldBack(
      () => pushed(ci.caller, [integrationManifest("acme", "rotated")]),
      () => rotateKey(db, admin, ci.id, 0),
    );
    assert.deepEqual(
      itemsOf(ended).map(({ outcome }) => outcome),
      ["added"],
      JSON.stringify(ended.error),
    );
  });

  test("of a key that only plans is refused as an apply, and runs as a dry run", async () => {
    const planner = await key("planner", ["acme"], ["plan"]);
    const apply = await pushed(planner.caller, [integrationManifest("acme", "planned")]);
    assert.equal((await rig.ended(apply.id)).error?.code, "author_without_rights");
    const dry = await pushed(planner.caller, [integrationManifest("acme", "planned")], { dryRun: true });
    assert.equal(itemsOf(await rig.ended(dry.id))[0]?.outcome, "added");
    assert.equal(await findIntegration(rig.context.store.db, "acme", "planned"), undefined);
  });
});

describe("a source", { concurrency: false }, () => {
  const body = { repository: "/nowhere.git", branch: "main", interval: 300, prune: true, maxDeletes: 9 };

  test("stops when the key that wrote it is removed", async () => {
    const { db } = rig.context.store;
    const owner = await key("source-owner", "*", ["write", "destroy", "admin"]);
    await putSource(rig.context, { name: "orphaned", body, by: owner.caller });
    await removeKey(db, owner.id);
    const pull = await acceptPull(rig.context, { name: "orphaned" }, { requestedBy: "source-poll" });
    assert.equal((await rig.ended(pull.id)).error?.code, "author_without_rights");
  });

  test("acts with what both have: the key that wrote it today, and whoever asked for the fetch", async () => {
    const owner = await key("narrow-owner", ["acme"], ["write"]);
    const asked = { tenants: "*" as const, mayDestroy: true, administers: true, dryRun: false };
    const bySource = await currentRights(rig.context, { ...asked, writers: [owner.caller] });
    assert.deepEqual([bySource.tenants, bySource.mayDestroy, bySource.administers], [["acme"], false, false]);
    const asker = await key("asker", ["acme", "other"], ["write", "destroy"]);
    const both = await currentRights(rig.context, { ...asked, writers: [admin, asker.caller] });
    assert.deepEqual([both.tenants, both.mayDestroy, both.administers], [["acme", "other"], true, false]);
  });
});

describe("a change that waits", { concurrency: false }, () => {
  const hold = async (credential: Credential | undefined) => {
    const authors = [{ subject: "gone", operation: "o", ...(credential && { credential }) }];
    const asked = {
      kind: "up" as const,
      tenant: "acme",
      integration: "c1",
      request: { authors },
      requestedBy: "gone",
      deadlineSeconds: 60,
    };
    const operation = await createOperation(rig.context.store.db, asked);
    return { ...operation, state: "awaiting-approval" as const, planHash: "a".repeat(64) };
  };
  const refusalOf = async (credential: Credential | undefined) => {
    const held = await hold(credential);
    const approving = approve(rig.context, held, { planHash: "a".repeat(64), subject: "second-person" });
    return approving.then(
      () => undefined,
      (error: { problem?: { code: string } }) => error.problem?.code,
    );
  };

  test("can't be approved once its author's key is removed, has no such tenant, or may not write", async () => {
    const author = await key("author", ["acme"], ["write"]);
    assert.notEqual(await refusalOf(author.caller.credential), "author_without_rights");
    for (const { caller } of [await key("elsewhere", ["other"], ["write"]), await key("reader", ["acme"], ["read"])])
      assert.equal(await refusalOf(caller.credential), "author_without_rights");
    await removeKey(rig.context.store.db, author.id);
    assert.equal(await refusalOf(author.caller.credential), "author_without_rights");
  });

  test("isn't made by its operation either, but what the service itself restores is", async () => {
    const author = await key("author-2", ["acme"], ["write"]);
    const by = [author.caller];
    await refuseWithoutRights(rig.context, by, "acme");
    await removeKey(rig.context.store.db, author.id);
    await assert.rejects(refuseWithoutRights(rig.context, by, "acme"), /author_without_rights/);
    await refuseWithoutRights(rig.context, [], "acme");
  });
});

test("the record of a manifest says with which credential it was written", async () => {
  const ci = await key("noted-ci", ["acme"], ["write"]);
  await rig.context.queue.pause();
  const { id } = await pushed(ci.caller, [integrationManifest("acme", "noted")]);
  await rig.context.queue.resume();
  await rig.ended(id);
  const record = await findIntegration(rig.context.store.db, "acme", "noted");
  assert.deepEqual(
    record?.authors?.map(({ credential }) => credential),
    [ci.caller.credential],
  );
  assert.equal((await openOperations(rig.context.store.db, "acme", "noted")).length, 0);
});

test("a token's rights are those of today's rules", async () => {
  const issuers = (held: Scope[], claim: string) =>
    issuersSchema.parse([
      {
        name: "ci",
        issuer: "https://ci.example",
        audience: "drawbridge",
        algorithms: ["RS256"],
        jwksUri: "https://ci.example/keys",
        rules: [{ claims: { repository: claim }, tenants: ["acme"], scopes: held }],
      },
    ]);
  const credential = { kind: "issuer" as const, issuer: "https://ci.example", claims: { repository: "acme/infra" } };
  const rights = (held: Scope[], claim = "acme/infra") =>
    rightsLookup({ db: rig.context.store.db, issuers: issuers(held, claim) })(credential);
  assert.deepEqual((await rights(["read", "write"]))?.scopes, ["read", "write"]);
  assert.deepEqual((await rights(["read"]))?.scopes, ["read"]);
  assert.equal(await rights(["write"], "acme/other"), undefined);
  assert.equal(await rightsLookup({ db: rig.context.store.db, issuers: [] })(credential), undefined);
});
