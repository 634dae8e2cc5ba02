/** What an outsider with a key of their own requests, through each part of the API. No AWS is called. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Asker, acceptPull, acceptPush } from "../../src/gitops/accept-reconcile.ts";
import { putSource } from "../../src/gitops/sources.ts";
import { putIntegration } from "../../src/integrations/put.ts";
import { findIntegration } from "../../src/store/integrations.ts";
import { openReconciles } from "../../src/store/reconcile-reads.ts";
import { claimMembers, deleteSource, findSource, listSources, ownerOf } from "../../src/store/sources.ts";
import { findTenant, writeTenantTombstone } from "../../src/store/tenants.ts";
import { everybody, type GitopsRig, integrationManifest, itemsOf, startGitopsRig, tenantManifest } from "../gitops/rig.ts";
import { type Running, start } from "../http/support.ts";

const account = "222222222222";
const access = { mode: "assume-role", roleArn: `arn:aws:iam::${account}:role/DrawbridgeProvisioning` };
const ofAcme = { accountId: account, region: "us-east-1", access };

describe("over HTTP", { concurrency: false }, () => {
  let service: Running;
  let mallory: string;
  const key = async (subject: string, tenants: "*" | string[], scopes: string[]) => {
    const made = await service.call("POST", "/v1/keys", { body: { subject, tenants, scopes } });
    assert.equal(made.status, 201, JSON.stringify(made.json));
    return String(made.json["key"]);
  };
  const put = (path: string, body: object, token?: string) => service.call("PUT", path, { body, ...(token && { token }) });

  before(async () => {
    service = await start();
    service.context.ownCredentials = true;
    mallory = await key("mallory", ["mallory", "mallory-2"], ["read", "plan", "write", "destroy"]);
    assert.equal((await put("/v1/tenants/acme", ofAcme)).status, 201);
  });
  after(() => service?.close());

  test("an offboarded account isn't free, and its external id is never issued again", async () => {
    const before = await findTenant(service.store.db, "acme");
    assert.equal((await service.call("DELETE", "/v1/tenants/acme")).status, 204);
    const taken = await put("/v1/tenants/mallory", ofAcme, mallory);
    assert.deepEqual([taken.status, taken.json["code"]], [409, "account_already_registered"]);
    assert.equal((await put("/v1/tenants/acme", ofAcme)).status, 201, "an administrator registers it again");
    const after = await findTenant(service.store.db, "acme");
    assert.notEqual(after?.provisioningExternalId, before?.provisioningExternalId);
    const shared = await put("/v1/tenants/acme-2", ofAcme);
    assert.equal(shared.status, 201);
    const second = await findTenant(service.store.db, "acme-2");
    assert.notEqual(second?.provisioningExternalId, after?.provisioningExternalId);
  });

  test("a tenant keeps its claim on an account when its name is registered for another account", async () => {
    const own = { accountId: "333333333333", region: "us-east-1", access: { mode: "hand-off" } };
    assert.equal((await put("/v1/tenants/mallory", own)).status, 201, "an administrator registers it");
    assert.equal((await service.call("DELETE", "/v1/tenants/mallory", { token: mallory })).status, 204);
    const other = { ...own, accountId: "777777777777" };
    assert.equal((await put("/v1/tenants/mallory", other, mallory)).status, 201);
    const stranger = await key("stranger", ["stranger"], ["write"]);
    assert.equal((await put("/v1/tenants/stranger", own, stranger)).status, 409);
    assert.equal((await put("/v1/tenants/mallory-2", own, mallory)).status, 409, "another name of the same caller is another tenant");
  });

  test("only an administrator registers and changes the service's own account", async () => {
    const own = { accountId: "111111111111", region: "us-east-1", access: { mode: "own-credentials" } };
    const guest = await key("guest", ["guest"], ["read", "write"]);
    const refused = await put("/v1/tenants/guest", own, guest);
    assert.deepEqual([refused.status, refused.json["code"], refused.json["pointer"]], [403, "forbidden", "/access/mode"]);
    const made = await put("/v1/tenants/guest", own);
    assert.equal(made.status, 201);
    assert.equal((await put("/v1/tenants/guest", own, guest)).status, 200, "the same again changes nothing");
    const headers = { "if-match": String(made.headers["etag"]) };
    const changed = await service.call("PUT", "/v1/tenants/guest", { body: { ...own, tags: { a: "b" } }, headers, token: guest });
    assert.equal(changed.status, 403);
    const away = { ...own, access: { mode: "hand-off" } };
    assert.equal((await service.call("PUT", "/v1/tenants/guest", { body: away, headers, token: guest })).status, 403);
  });

  test("no integration may name the state bucket or the secrets key", async () => {
    service.context.secrets = {
      provider: "awskms",
      url: "awskms:///arn:aws:kms:us-east-1:111111111111:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0?region=us-east-1",
    };
    const refused = async (parameters: object, blueprint = "conductorone-s3") => {
      const answer = await put("/v1/tenants/guest/integrations/c1", { blueprint, parameters });
      assert.deepEqual([answer.status, answer.json["code"]], [422, "guardrail"], JSON.stringify(answer.json));
    };
    const externalId = "c1-mallorys-7d1f6a93b2e8";
    await refused({ bucket: "drawbridge-state", externalId });
    const kmsKeyArn = "arn:aws:kms:us-east-1:111111111111:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
    await refused({ bucket: "another-bucket", kmsKeyArn, externalId });
    const preview = await service.call("POST", "/v1/tenants/guest/integrations/c1/preview", {
      body: { blueprint: "conductorone-s3", parameters: { bucket: "drawbridge-state", externalId } },
    });
    assert.equal(preview.status, 422);
  });

  test("a key of the tenant isn't accepted as the vendor's key", async () => {
    const parameters = {
      environment: "production",
      labraAccountId: "444444444444",
      aceBucket: "ace-apn-33333-prod-us-west-2",
      aceKmsKeyArn: `arn:aws:kms:us-west-2:${account}:key/22222222-2222-3333-4444-555555555555`,
    };
    const answer = await put("/v1/tenants/acme/integrations/ace", { blueprint: "labra-oppsync", parameters });
    assert.deepEqual([answer.status, answer.json["pointer"]], [422, "/parameters/aceKmsKeyArn"]);
  });

  test("neither a dry run nor a push that names somebody's repository takes the source away", async () => {
    const body = (dryRun: boolean) => ({ source: { repository: "https://git.example/acme/access", revision: "1" }, manifests: [], dryRun });
    const acme = await key("acme-ci", ["acme"], ["plan", "write"]);
    const before = (await listSources(service.store.db, { limit: 200 })).items.length;
    assert.equal((await service.call("POST", "/v1/reconcile", { body: body(true), token: mallory })).status, 202);
    assert.equal((await listSources(service.store.db, { limit: 200 })).items.length, before, "a dry run writes no source");
    assert.equal((await service.call("POST", "/v1/reconcile", { body: body(false), token: mallory })).status, 202);
    assert.equal((await service.call("POST", "/v1/reconcile", { body: body(false), token: acme })).status, 202);
    assert.equal((await service.call("POST", "/v1/reconcile", { body: body(true), token: acme })).status, 202);
    const sources = (await listSources(service.store.db, { limit: 200 })).items.map(({ tenants }) => tenants);
    assert.deepEqual(sources.sort(), [["acme"], ["mallory", "mallory-2"]], "each has their own");
  });

  test("a caller who used a repository's name first can't join, overtake or stop another caller's source of that name", async () => {
    const push = (sequence: number) => ({
      source: { repository: "https://git.example/platform/access", revision: "1", sequence },
      manifests: [],
    });
    const squatted = await service.call("POST", "/v1/reconcile", { body: push(Number.MAX_SAFE_INTEGER), token: mallory });
    assert.equal(squatted.status, 202);
    const ci = await key("platform-ci", "*", ["write"]);
    const first = await service.call("POST", "/v1/reconcile", { body: push(1), token: ci });
    assert.equal(first.status, 202, "another caller's sequence doesn't count");
    assert.equal((await service.call("POST", "/v1/reconcile", { body: push(2), token: mallory })).status, 409, "its own sequence counts");
    const { items } = await listSources(service.store.db, { limit: 200 });
    const own = items.find(({ tenants, repository }) => tenants === "*" && repository.endsWith("platform/access"));
    assert.equal((await openReconciles(service.store.db, own?.name ?? "")).length, 1, "nobody else's ends it");
  });

  test("the caller who made a source keeps it with more tenants, and callers with the old tenants no longer join it", async () => {
    const push = (sequence: number) => ({ source: { repository: "https://git.example/grown", revision: "1", sequence }, manifests: [] });
    const token = (tenants: string[], subject: string) => key(subject, tenants, ["write"]);
    const send = async (by: string, sequence: number) =>
      (await service.call("POST", "/v1/reconcile", { body: push(sequence), token: by })).status;
    assert.equal(await send(await token(["a"], "alice"), 1), 202);
    assert.equal(await send(await token(["b"], "bob"), 1), 202);
    assert.equal(await send(await token(["a", "c"], "alice"), 2), 202);
    assert.equal(await send(await token(["b", "c"], "bob"), 2), 202);
    assert.equal(await send(await token(["a"], "carol"), 9_000), 202);
    assert.equal(await send(await token(["a", "c"], "alice"), 3), 202);
    const { items } = await listSources(service.store.db, { limit: 200 });
    const grown = items.filter(({ repository }) => repository.endsWith("/grown")).map(({ requestedBy, tenants }) => [requestedBy, tenants]);
    assert.deepEqual(grown.sort(), [
      ["alice", ["a", "c"]],
      ["bob", ["b", "c"]],
      ["carol", ["a"]],
    ]);
  });

  test("a tenant's own tags can't replace ours: IAM compares tag keys without case", async () => {
    const tagged = (tags: Record<string, string>) => put("/v1/tenants/mallory-2", { ...ofAcme, accountId: "999999999999", tags }, mallory);
    for (const tags of [{ "Drawbridge:Tenant": "acme" }, { "DRAWBRIDGE:integration": "c1" }, { team: "a", Team: "b" }] as object[])
      assert.equal((await tagged(tags as Record<string, string>)).status, 400);
  });

  test("a source acts with the scopes of the caller who registers it: admin alone neither writes nor prunes", async () => {
    const body = { repository: "https://git.example/acme/access" };
    const only = await key("only-admin-2", "*", ["admin"]);
    const writer = await key("writing-admin", "*", ["admin", "write"]);
    const whole = await key("whole-admin", "*", ["admin", "write", "destroy"]);
    assert.equal((await put("/v1/sources/access", body, only)).status, 403);
    assert.equal((await put("/v1/sources/access", { ...body, prune: true }, writer)).status, 403);
    assert.equal((await put("/v1/sources/access", body, writer)).status, 201);
    assert.equal((await put("/v1/sources/access", { ...body, prune: true }, whole)).status, 200);
    assert.equal((await put("/v1/sources/access", body, only)).status, 403, "nor does it take one over");
  });
});

describe("through a reconcile", { concurrency: false }, () => {
  let rig: GitopsRig;
  const mallory: Asker = { subject: "mallory", tenants: ["mallory"], mayDestroy: true, administers: false, credential: { kind: "admin" } };
  const push = async (by: Asker, manifests: object[], dryRun = false) => {
    const source = { repository: `https://git.example/${by.subject}`, revision: "1" };
    const accepted = await acceptPush(
      rig.context,
      { source, manifests: manifests as never, prune: false, maxDeletes: 0, dryRun, atomic: false },
      by,
    );
    return rig.ended(accepted.id);
  };
  const refusalOf = async (by: Asker, manifest: object, dryRun: boolean) => itemsOf(await push(by, [manifest], dryRun))[0]?.code;

  before(async () => {
    rig = await startGitopsRig();
    await push(everybody, [tenantManifest("acme")]);
  });
  after(() => rig?.close());

  for (const dryRun of [true, false]) {
    const how = dryRun ? "a dry run" : "an apply";
    test(`${how} refuses another tenant's account, like a PUT`, async () => {
      assert.equal(await refusalOf(mallory, tenantManifest("mallory"), dryRun), "account_already_registered");
      assert.equal(await findTenant(rig.context.store.db, "mallory"), undefined);
    });

    test(`${how} refuses the service's own account`, async () => {
      rig.context.ownCredentials = true;
      const own = {
        ...tenantManifest("mallory"),
        spec: { accountId: "111111111111", region: "us-east-1", access: { mode: "own-credentials" } },
      };
      assert.equal(await refusalOf(mallory, own, dryRun), "forbidden");
      assert.equal(await findTenant(rig.context.store.db, "mallory"), undefined);
    });
  }

  test("a caller without destroy can't make the next push of another caller prune a hand-made integration", async () => {
    const repository = "https://git.example/shared";
    const writer: Asker = { ...everybody, subject: "writer", mayDestroy: false, administers: false, credential: { kind: "admin" } };
    const from = async (by: Asker, manifests: object[], { prune = false, sequence = 1 } = {}) => {
      const given = { source: { repository, revision: "1", sequence }, manifests: manifests as never, prune, maxDeletes: 5 };
      return rig.ended((await acceptPush(rig.context, { ...given, dryRun: false, atomic: false }, by)).id);
    };
    const [kept, byHand] = [integrationManifest("acme", "fromgit"), integrationManifest("acme", "handmade")];
    await from(everybody, [kept]);
    const { operation } = await putIntegration(rig.context, {
      tenant: "acme",
      name: "handmade",
      body: byHand.spec as never,
      requestedBy: "operator",
    });
    await rig.ended(operation?.id ?? "");
    assert.deepEqual(
      itemsOf(await from(writer, [byHand], { sequence: Number.MAX_SAFE_INTEGER })).map(({ outcome }) => outcome),
      ["unchanged"],
    );
    const pruned = await from(everybody, [kept], { prune: true });
    assert.deepEqual(
      itemsOf(pruned).map(({ name, outcome }) => `${name} ${outcome}`),
      ["fromgit unchanged"],
      "nor does a number that they sent stop it",
    );
    assert.equal((await findIntegration(rig.context.store.db, "acme", "handmade"))?.goneAt, undefined);
  });

  test("a source that is removed while it claims integrations owns nothing afterwards", async () => {
    const { db } = rig.context.store;
    const claim = { kind: "Integration" as const, tenant: "acme", name: "c9", labels: {} };
    await putSource(rig.context, {
      name: "ghost",
      body: { repository: "/nowhere.git", branch: "main", interval: 300, prune: false, maxDeletes: 0 },
      by: { subject: "alice", scopes: ["write"], credential: { kind: "admin" } },
    });
    await deleteSource(db, "ghost");
    assert.equal(await claimMembers(db, "ghost", [claim]), false);
    assert.equal(await ownerOf(db, "Integration", "acme", "c9"), undefined);
  });

  test("a source doesn't own integrations of a new tenant with the name of an offboarded one", async () => {
    const { db } = rig.context.store;
    await push({ ...mallory, subject: "owner", tenants: "*", administers: true }, [tenantManifest("passing", "333333333333")]);
    assert.notEqual(await ownerOf(db, "Tenant", "passing", "passing"), undefined);
    assert.equal(await writeTenantTombstone(db, "passing"), true);
    assert.equal(await ownerOf(db, "Tenant", "passing", "passing"), undefined);
  });

  test("a pull that was accepted before a change of its source doesn't use the old source", async () => {
    const body = { repository: "/nowhere.git", branch: "main", interval: 300, prune: true, maxDeletes: 9 };
    const scopes = ["write", "destroy", "admin"] as const;
    await putSource(rig.context, { name: "pulled", body, by: { subject: "alice", scopes, credential: { kind: "admin" } } });
    await rig.context.queue.pause();
    const accepted = await acceptPull(rig.context, { name: "pulled" }, { requestedBy: "source-poll" });
    await putSource(rig.context, {
      name: "pulled",
      body: { ...body, prune: false },
      by: { subject: "bob", scopes: ["write"], credential: { kind: "admin" } },
    });
    await rig.context.queue.resume();
    assert.equal((await rig.ended(accepted.id)).error?.code, "stale_revision");
    assert.deepEqual((await findSource(rig.context.store.db, "pulled"))?.scopes, ["write"]);
    await deleteSource(rig.context.store.db, "pulled");
    await assert.rejects(acceptPull(rig.context, { name: "pulled" }, { requestedBy: "source-poll" }));
    assert.equal(await findSource(rig.context.store.db, "pulled"), undefined, "what was forgotten stays forgotten");
  });

  test("a caller with all tenants may share an account, as with a PUT", async () => {
    const operation = await push(everybody, [tenantManifest("acme"), tenantManifest("acme-2")]);
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.result));
  });
});
