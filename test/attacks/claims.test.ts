/** Two tenants of one account: neither can use, or block, what the other has. No AWS is called. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { accept } from "../../src/integrations/accept.ts";
import { recordedIntegration, upRequestOf } from "../../src/integrations/desired-integration.ts";
import { desiredStacks } from "../../src/integrations/desired-stacks.ts";
import { findTenantIntegration } from "../../src/integrations/lookup.ts";
import { canonicalResource } from "../../src/model/claim.ts";
import { claimAccount, holdAccount } from "../../src/store/claims/accounts.ts";
import { claimResources, releaseResources } from "../../src/store/claims/resources.ts";
import { changeIntegration, findIntegration } from "../../src/store/integrations.ts";
import { type Running, start } from "../http/support.ts";

const account = "222222222222";
const ofAccount = (mode: "assume-role" | "hand-off" = "assume-role") => ({
  accountId: account,
  region: "us-east-1",
  access: mode === "hand-off" ? { mode } : { mode, roleArn: `arn:aws:iam::${account}:role/DrawbridgeProvisioning` },
});
const key = (id: string, of = account) => `arn:aws:kms:us-east-1:${of}:key/${id.repeat(8)}-1111-2222-3333-444444444444`;

let service: Running;
let mallory: string;
let acme: string;

const made = async (subject: string, tenants: "*" | string[], scopes: string[]) =>
  String((await service.call("POST", "/v1/keys", { body: { subject, tenants, scopes } })).json["key"]);
const put = (token: string, path: string, body: object) => service.call("PUT", path, { body, token });
let serial = 0;
const c1 = (parameters: object) => ({
  blueprint: "conductorone-s3",
  parameters: { externalId: `c1-${++serial}-7d1f6a93b2e8`, ...parameters },
});

before(async () => {
  service = await start();
  mallory = await made("mallory", ["mallory"], ["read", "plan", "write", "destroy"]);
  acme = await made("acme-ci", ["acme"], ["read", "plan", "write", "destroy"]);
  for (const name of ["acme", "mallory"])
    assert.equal((await service.call("PUT", `/v1/tenants/${name}`, { body: ofAccount() })).status, 201);
  const own = { bucket: "acme-exports", roleName: "AcmeReader", kmsKeyArn: key("a") };
  assert.equal((await put(acme, "/v1/tenants/acme/integrations/c1", c1(own))).status, 202);
});
after(() => service?.close());

const refusals: [what: string, parameters: object, pointer: string][] = [
  ["bucket", { bucket: "acme-exports", roleName: "Mine" }, "/parameters/bucket"],
  ["role name", { bucket: "mallorys-bucket", roleName: "AcmeReader" }, "/parameters/roleName"],
  ["role name in other case", { bucket: "mallorys-bucket", roleName: "acmeREADER" }, "/parameters/roleName"],
  ["key", { bucket: "mallorys-bucket", roleName: "Mine", kmsKeyArn: key("a") }, "/parameters/kmsKeyArn"],
];

for (const [what, parameters, pointer] of refusals) {
  test(`a PUT and a preview that name another tenant's ${what} are refused, and name nobody`, async () => {
    const refused = await put(mallory, "/v1/tenants/mallory/integrations/c1", c1(parameters));
    const preview = await service.call("POST", "/v1/tenants/mallory/integrations/c1/preview", { body: c1(parameters), token: mallory });
    for (const { status, json } of [refused, preview]) {
      assert.deepEqual([status, json["code"], json["pointer"]], [409, "claimed_by_another", pointer]);
      assert.doesNotMatch(String(json["detail"]), /tenant acme|acme-ci|\bc1\b/);
    }
    assert.equal(await findIntegration(service.store.db, "mallory", "c1"), undefined);
  });
}

test("a second blueprint can't reach the claimed bucket by another parameter", async () => {
  const principalArn = "arn:aws:iam::777777777777:root";
  await service.call("PUT", "/v1/trusted-principals/outsider", { body: { vendor: "outsider", principalArn } });
  const custom = (bucket: string) => ({
    blueprint: "custom-s3",
    parameters: {
      vendor: "outsider",
      principalArn,
      buckets: [{ bucket: "mallorys" }, { bucket }],
      externalId: "outsider-4c7e19d2a8b3",
      access: "read",
    },
  });
  const refused = await put(mallory, "/v1/tenants/mallory/integrations/out", custom("acme-exports"));
  assert.deepEqual(
    [refused.status, refused.json["code"], refused.json["pointer"]],
    [409, "claimed_by_another", "/parameters/buckets/1/bucket"],
  );
  const encrypted = await put(mallory, "/v1/tenants/mallory/integrations/cf", {
    blueprint: "creative-force-s3",
    parameters: {
      mode: "data-source",
      bucket: "acme-exports",
      encryption: { type: "SSE-KMS", createKey: true, applyBucketEncryption: true },
      externalId: "cf-mallorys-3f9ac07de1",
    },
  });
  assert.deepEqual([encrypted.status, encrypted.json["code"]], [409, "claimed_by_another"]);
});

test("a change can't move an existing integration to another tenant's bucket", async () => {
  const first = await put(mallory, "/v1/tenants/mallory/integrations/moves", c1({ bucket: "mallorys-own", roleName: "Moves" }));
  assert.equal(first.status, 202);
  const moved = await service.call("PUT", "/v1/tenants/mallory/integrations/moves", {
    body: { ...c1({ bucket: "acme-exports", roleName: "Moves" }) },
    headers: { "if-match": "*" },
    token: mallory,
  });
  assert.equal(moved.json["code"], "claimed_by_another");
});

test("a replica of a multi-Region key is the same key", () => {
  const arn = (region: string) => `key/arn:aws:kms:${region}:${account}:key/mrk-1234abcd12ab34cd56ef1234567890ab`;
  assert.equal(canonicalResource(arn("us-east-1")), canonicalResource(arn("eu-west-1")));
  assert.notEqual(canonicalResource(`key/${key("a")}`), canonicalResource(`key/${key("a").replace("us-east-1", "eu-west-1")}`));
});

test("of two tenants that claim one bucket at once, one gets it", async () => {
  const bodies = [
    put(mallory, "/v1/tenants/mallory/integrations/race", c1({ bucket: "race-bucket", roleName: "RaceM" })),
    put(acme, "/v1/tenants/acme/integrations/race", c1({ bucket: "race-bucket", roleName: "RaceA" })),
  ];
  assert.deepEqual((await Promise.all(bodies)).map(({ status }) => status).sort(), [202, 409]);
});

test("a made key is claimed, also after its integration is gone", async () => {
  const { db } = service.store;
  await claimResources(db, { accountId: account, resources: [`key/${key("b")}`, "bucket/left"] }, { tenant: "acme", name: "gone" });
  const retained = [{ key: "gone", keyArn: key("b"), alias: "alias/gone", since: "2026-01-01T00:00:00Z", why: "data" }];
  await releaseResources(db, { tenant: "acme", name: "gone", retained });
  const named = await put(mallory, "/v1/tenants/mallory/integrations/k", c1({ bucket: "left", roleName: "K", kmsKeyArn: key("b") }));
  assert.deepEqual([named.json["code"], named.json["pointer"]], ["claimed_by_another", "/parameters/kmsKeyArn"]);
  assert.equal((await put(mallory, "/v1/tenants/mallory/integrations/k", c1({ bucket: "left", roleName: "K" }))).status, 202);
});

test("what only restores or narrows isn't stopped by another tenant's claim, and a change is", async () => {
  const { context, store } = service;
  const address = { tenant: "acme", name: "narrowed" };
  assert.equal((await put(acme, "/v1/tenants/acme/integrations/narrowed", c1({ bucket: "narrowed", roleName: "Narrowed" }))).status, 202);
  await releaseResources(store.db, address);
  await claimResources(store.db, { accountId: account, resources: ["bucket/narrowed"] }, { tenant: "mallory", name: "later" });
  const { tenant, record } = await findTenantIntegration(context, address.tenant, address.name);
  const desired = desiredStacks(tenant, await recordedIntegration(context, record));
  const restoring = {
    kind: "rotate" as const,
    next: record,
    basis: record,
    desired,
    request: upRequestOf(record),
    requestedBy: "drawbridge",
  };
  assert.equal((await accept(context, { ...restoring, writers: [] })).state, "queued");
  await assert.rejects(accept(context, { ...restoring, writers: [{ subject: "acme-ci" }] }), /claimed_by_another/);
});

test("a tenant's own integrations share a bucket, and a gone integration releases it", async () => {
  assert.equal((await put(acme, "/v1/tenants/acme/integrations/second", c1({ bucket: "acme-exports", roleName: "Second" }))).status, 202);
  const goneAt = "2026-11-27T00:00:00.000Z";
  await changeIntegration(service.store.db, "acme", "second", (record) => ({ ...record, externalIds: [], goneAt }));
  const { json } = await service.call("GET", `/v1/claims?accountId=${account}&limit=200`);
  const claims = (json as unknown as { items: { resource: string; tenant: string; held: boolean }[] }).items.filter(
    ({ tenant }) => tenant === "acme",
  );
  assert.ok(
    claims.some(({ resource, held }) => resource === "bucket/acme-exports" && held),
    "the first integration still has it",
  );
  assert.ok(!claims.some(({ resource }) => resource === "role/second"));
});

describe("grants", { concurrency: false }, () => {
  const granted = (token: string | undefined, body: object) => service.call("POST", "/v1/claims/grants", { body, ...(token && { token }) });

  test("only an administrator of every tenant grants", async () => {
    const body = { tenant: "mallory", resource: "bucket/acme-exports" };
    assert.equal((await granted(mallory, body)).status, 403);
    const local = await made("local-admin", ["mallory"], ["admin", "write"]);
    assert.equal((await granted(local, body)).status, 403);
  });

  test("a grant of one bucket allows that bucket and no role name, and its end takes nothing away", async () => {
    const made = await granted(undefined, { tenant: "mallory", resource: "bucket/acme-exports" });
    assert.equal(made.status, 201, JSON.stringify(made.json));
    const again = await granted(undefined, { tenant: "mallory", resource: "bucket/acme-exports" });
    assert.equal(again.json["id"], made.json["id"]);
    const path = "/v1/tenants/mallory/integrations/granted";
    assert.equal(
      (await put(mallory, path, c1({ bucket: "acme-exports", roleName: "AcmeReader" }))).json["pointer"],
      "/parameters/roleName",
    );
    assert.equal((await put(mallory, path, c1({ bucket: "acme-exports", roleName: "Granted" }))).status, 202);
    assert.equal((await service.call("DELETE", `/v1/claims/grants/${String(made.json["id"])}`)).status, 204);
    const list = await service.call("GET", `/v1/claims/grants?accountId=${account}`);
    assert.deepEqual(list.json["items"], []);
    const external = await service.call("POST", `${path}/external-id`, { body: { externalId: "c1-rotated-0c5b7f31aa92" }, token: mallory });
    assert.equal(external.status, 202, "what it has stays");
    const another = await put(mallory, "/v1/tenants/mallory/integrations/another", c1({ bucket: "acme-exports", roleName: "Another" }));
    assert.deepEqual([another.json["code"], another.json["pointer"]], ["claimed_by_another", "/parameters/bucket"], "nothing further");
    const more = await put(acme, "/v1/tenants/acme/integrations/more", c1({ bucket: "acme-exports", roleName: "More" }));
    assert.equal(more.status, 202, "it is still acme's");
  });

  test("a grant names a resource of the tenant's account", async () => {
    const foreign = await granted(undefined, { tenant: "mallory", resource: `key/${key("c", "999999999999")}` });
    assert.deepEqual([foreign.status, foreign.json["pointer"]], [400, "/resource"]);
    assert.equal((await granted(undefined, { tenant: "mallory", resource: "bucket/*" })).status, 400);
    assert.equal((await granted(undefined, { tenant: "nobody", resource: "bucket/acme-exports" })).status, 404);
  });
});

describe("an account that somebody registers without the way into it", { concurrency: false }, () => {
  const other = { ...ofAccount("hand-off"), accountId: "444444444444" };
  let owner: string;
  let squatter: string;
  before(async () => {
    squatter = await made("squatter", ["squatter"], ["read", "write"]);
    owner = await made("owner", ["owner", "owner-2"], ["read", "write", "destroy"]);
  });

  test("blocks nobody: the owner registers it, and uses the names that the other one took", async () => {
    assert.equal((await put(squatter, "/v1/tenants/squatter", other)).status, 201);
    const squatted = c1({ bucket: "owners-bucket", roleName: "OwnersRole" });
    assert.equal((await put(squatter, "/v1/tenants/squatter/integrations/c1", squatted)).status, 202);
    const ofOwner = { ...other, access: { ...ofAccount().access, roleArn: "arn:aws:iam::444444444444:role/P" } };
    assert.equal((await put(owner, "/v1/tenants/owner", ofOwner)).status, 201);
    const wanted = c1({ bucket: "owners-bucket", roleName: "OwnersRole" });
    assert.equal((await put(owner, "/v1/tenants/owner/integrations/c1", wanted)).status, 202);
    assert.equal((await service.call("PUT", "/v1/tenants/owner", { body: ofOwner })).status, 200, "an administrator confirms the owner");
    assert.equal((await service.call("PUT", "/v1/tenants/squatter", { body: other })).status, 200, "and later the other one");
    const more = await put(squatter, "/v1/tenants/squatter/integrations/c2", c1({ bucket: "owners-bucket", roleName: "Squatter" }));
    assert.equal(more.json["code"], "claimed_by_another", "what it wrote down earlier isn't its own");
  });

  test("the first tenant that the account lets in holds it, also if several are let in at once", async () => {
    const { db } = service.store;
    const names = ["one", "two", "three"].map((name) => ({ accountId: "888888888888", name }));
    for (const tenant of names) await claimAccount(db, tenant, false);
    const held = await Promise.all(names.map((tenant) => holdAccount(db, tenant)));
    assert.equal(held.filter(Boolean).length, 1);
    const again = await Promise.all(names.map((tenant) => holdAccount(db, tenant)));
    assert.deepEqual(again, held);
    await claimAccount(db, { accountId: "888888888888", name: names[held.indexOf(false)]?.name ?? "" }, true);
    assert.equal(
      (await Promise.all(names.map((tenant) => holdAccount(db, tenant)))).filter(Boolean).length,
      2,
      "an administrator registers a second",
    );
  });

  test("an administrator's registration holds it, and a release ends the claims of tenants that are gone", async () => {
    const kept = { ...other, accountId: "666666666666" };
    assert.equal((await service.call("PUT", "/v1/tenants/keeper", { body: kept })).status, 201);
    const late = await made("late", ["late"], ["write"]);
    assert.equal((await put(late, "/v1/tenants/late", kept)).json["code"], "account_already_registered");
    const live = await service.call("POST", "/v1/claims/release", { body: { accountId: kept.accountId } });
    assert.deepEqual(live.json["released"], [], "a registered tenant keeps its claim");
    assert.equal((await service.call("DELETE", "/v1/tenants/keeper")).status, 204);
    assert.equal((await put(late, "/v1/tenants/late", kept)).status, 409, "it is still claimed after the tenant is gone");
    const released = await service.call("POST", "/v1/claims/release", { body: { accountId: kept.accountId } });
    assert.deepEqual(released.json["released"], ["keeper"]);
    assert.equal((await put(late, "/v1/tenants/late", kept)).status, 201);
  });
});
