/**
 * The API over the real services and store, without a worker. The tests show what a request decides and records before any AWS call.
 * Every answer is compared with the documentation, and no answer may hold an external id.
 */

import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { mayEnter, noteRefusal, refusalsBorne, wayIn } from "../../src/store/account-refusals.ts";
import { createOperation } from "../../src/store/operations.ts";
import type { CallOptions, Reply } from "./call.ts";
import { assertDocumented } from "./documented.ts";
import { type Running, start } from "./support.ts";

const secrets = ["c1-7d1f6a93b2e84c05a1f2", "c1-0b9e3a55d7c24f18b6aa"] as const;
const c1 = "/v1/tenants/acme/integrations/c1";

let service: Running;
const seen: string[] = [];

before(async () => {
  service = await start();
});
after(() => service?.close());

async function ask(method: string, path: string, options: CallOptions = {}): Promise<Reply> {
  const reply = await service.call(method, path, options);
  seen.push(reply.text);
  assertDocumented(method, path, reply);
  return reply;
}

const tenantBody = (accountId: string, more: object = {}) => ({
  accountId,
  region: "us-east-1",
  access: { mode: "assume-role", roleArn: `arn:aws:iam::${accountId}:role/DrawbridgeProvisioning` },
  ...more,
});
const integrationBody = (externalId: string, bucket = "acme-exports") => ({
  blueprint: "conductorone-s3",
  parameters: { bucket, externalId },
});
const ifMatch = (reply: Reply): Exclude<CallOptions["headers"], undefined> => ({ "if-match": reply.headers.etag });

test("a tenant is registered once; an equal body doesn't change it, and a change needs its tag", async () => {
  const created = await ask("PUT", "/v1/tenants/acme", { body: tenantBody("111122223333") });
  assert.equal(created.status, 201);
  assert.equal((await ask("PUT", "/v1/tenants/acme", { body: tenantBody("111122223333") })).status, 200);
  const tagged = tenantBody("111122223333", { tags: { team: "data" } });
  assert.equal((await ask("PUT", "/v1/tenants/acme", { body: tagged })).json.code, "precondition_required");
  assert.equal(
    (await ask("PUT", "/v1/tenants/acme", { body: tagged, headers: { "if-match": '"stale"' } })).json.code,
    "precondition_failed",
  );
  assert.equal((await ask("PUT", "/v1/tenants/acme", { body: tagged, headers: ifMatch(created) })).status, 200);
  assert.equal((await ask("PUT", "/v1/tenants/acme", { body: tenantBody("111122224444") })).json.code, "immutable_field");
  assert.deepEqual((await ask("GET", "/v1/tenants/acme")).json.tags, { team: "data" });
});

test("a tenant shows that its role refuses us; after a PUT, also an equal one, Drawbridge may try the role again at once", async () => {
  const { db } = service.store;
  const body = tenantBody("000022223333");
  assert.equal((await ask("PUT", "/v1/tenants/shut", { body })).status, 201);
  const way = wayIn({ name: "shut", access: { mode: "assume-role", roleArn: body.access.roleArn } }) ?? "";
  for (let index = 0; index < refusalsBorne; index++) await noteRefusal(db, way, "AccessDenied", { alone: false });
  const { provisioning } = (await ask("GET", "/v1/tenants/shut")).json as unknown as {
    provisioning: { refused?: Record<string, unknown> };
  };
  assert.deepEqual([provisioning.refused?.["count"], provisioning.refused?.["cause"]], [refusalsBorne, "AccessDenied"]);
  assert.equal(typeof provisioning.refused?.["notBefore"], "string");
  assert.equal(typeof (await mayEnter(db, way)), "object");
  assert.equal((await ask("PUT", "/v1/tenants/shut", { body })).status, 200);
  assert.equal(await mayEnter(db, way), "yes");
});

test("an account that is already registered is refused, and a caller of one tenant doesn't learn its owner", async () => {
  const refused = await ask("PUT", "/v1/tenants/beta", { token: "beta-token", body: tenantBody("111122223333") });
  assert.equal(refused.json.code, "account_already_registered");
  assert.doesNotMatch(refused.text, /acme/);
  assert.equal((await ask("PUT", "/v1/tenants/beta", { token: "beta-token", body: tenantBody("999988887777") })).status, 201);
});

test("own credentials, and a role in another account, are refused as a tenant's access", async () => {
  const own = tenantBody("555566667777", { access: { mode: "own-credentials" } });
  assert.equal((await ask("PUT", "/v1/tenants/gamma", { body: own })).json.code, "access_mode_disabled");
  const elsewhere = tenantBody("555566667777", { access: { mode: "assume-role", roleArn: "arn:aws:iam::111122223333:role/x" } });
  assert.equal((await ask("PUT", "/v1/tenants/gamma", { body: elsewhere })).json.code, "account_mismatch");
});

test("a PUT of an integration is recorded and enqueued, and an equal PUT returns the same operation", async () => {
  const first = await ask("PUT", c1, { body: integrationBody(secrets[0]) });
  assert.equal(first.status, 202);
  const again = await ask("PUT", c1, { body: integrationBody(secrets[0]) });
  assert.equal(again.headers.location, first.headers.location);
  assert.deepEqual(service.enqueued, ["acme/c1"]);
  assert.equal((await ask("GET", c1)).headers.etag, first.headers.etag);
});

test("a change needs the tag and replaces the queued operation, whose stream then ends", async () => {
  const before = await ask("GET", c1);
  const change = integrationBody(secrets[0], "acme-exports-2");
  assert.equal((await ask("PUT", c1, { body: change })).json.code, "precondition_required");
  const changed = await ask("PUT", c1, { body: change, headers: ifMatch(before) });
  assert.equal(changed.status, 202);
  const { items } = (await ask("GET", "/v1/operations?tenant=acme&integration=c1&state=cancelled")).json;
  const overtaken = items?.[0];
  assert.equal(`/v1/operations/${overtaken?.supersededBy}`, changed.headers.location);
  const stream = await ask("GET", `/v1/operations/${overtaken?.id}/events`, { headers: { accept: "text/event-stream" } });
  assert.match(stream.text, /"state":"cancelled"/);
  const { json } = await ask("GET", `/v1/operations/${overtaken?.id}/events?after=1`);
  assert.equal(json.items?.[0]?.type as unknown, "state");
});

test("parameters that a blueprint doesn't accept are refused with a pointer to them", async () => {
  const refuse = async (body: object) => (await ask("PUT", "/v1/tenants/acme/integrations/c2", { body })).json;
  const bucket = await refuse(integrationBody(secrets[1], "No_Bucket"));
  assert.deepEqual([bucket.code, bucket.pointer], ["invalid_parameters", "/parameters/bucket"]);
  const unknown = await refuse({ blueprint: "conductorone-s3", parameters: { bucket: "acme-exports", admin: true } });
  assert.deepEqual([unknown.code, unknown.pointer], ["invalid_parameters", "/parameters/admin"]);
  const number = await refuse({ blueprint: "conductorone-s3", parameters: { bucket: "acme-exports", externalId: 7 } });
  assert.deepEqual([number.code, number.pointer], ["invalid_parameters", "/parameters/externalId"]);
  assert.equal((await refuse({ blueprint: "no-such", parameters: {} })).code, "unknown_blueprint");
  assert.equal((await refuse({ ...integrationBody(secrets[1]), version: "99.0.0" })).code, "unknown_blueprint");
  assert.equal((await ask("GET", "/v1/tenants/acme/integrations/c2")).status, 404);
});

test("another tenant's external id is refused, and the answer doesn't name that tenant", async () => {
  const refused = await ask("PUT", "/v1/tenants/beta/integrations/c1", { token: "beta-token", body: integrationBody(secrets[0]) });
  assert.equal(refused.json.code, "external_id_taken");
  assert.doesNotMatch(refused.text, /acme/);
});

test("callers see only their own tenants' records in every list", async () => {
  const names = async (path: string, token: string) => JSON.stringify((await ask("GET", path, { token })).json);
  assert.doesNotMatch(await names("/v1/tenants", "beta-token"), /acme/);
  assert.doesNotMatch(await names("/v1/operations", "beta-token"), /acme/);
  assert.equal(await names("/v1/operations?tenant=acme", "beta-token"), '{"items":[],"nextCursor":null}');
  const operation = (await ask("GET", "/v1/operations?tenant=acme")).json.items?.[0]?.id;
  const other = await ask("GET", `/v1/operations/${operation}`, { token: "beta-token" });
  const none = await ask("GET", "/v1/operations/00000000-0000-4000-8000-000000000000", { token: "beta-token" });
  const same = ({ text, headers }: Reply) => text.replace(String(headers["x-request-id"]), "");
  assert.equal(other.status, 404);
  assert.equal(same(other), same(none));
});

test("the cursors lead through all pages to the end, and a forged cursor is refused", async () => {
  const found: unknown[] = [];
  for (let cursor: unknown = ""; cursor !== null; ) {
    const { json } = await ask("GET", `/v1/tenants?limit=1${cursor ? `&cursor=${cursor}` : ""}`);
    found.push(json.items?.[0]?.name);
    cursor = json.nextCursor;
  }
  assert.deepEqual(found, ["acme", "beta", "shut"]);
  assert.equal((await ask("GET", "/v1/operations?cursor=AAAA")).json.code, "invalid_request");
});

test("a preview of an absent integration is accepted and changes no record", async () => {
  const path = "/v1/tenants/acme/integrations/planned";
  const options: CallOptions = { body: integrationBody(secrets[1]), headers: { "idempotency-key": "plan-1" } };
  const first = await ask("POST", `${path}/preview`, options);
  const again = await ask("POST", `${path}/preview`, options);
  assert.equal(first.status, 202);
  assert.equal(again.headers["idempotency-replayed"], "true");
  assert.equal(again.headers.location, first.headers.location);
  assert.equal(again.json.operation?.id, first.json.operation?.id);
  assert.equal((await ask("GET", path)).status, 404);
  const put = await ask("PUT", path, { body: integrationBody(secrets[1]) });
  assert.equal(put.status, 202);
  const planned = await ask("GET", `/v1/operations/${first.json.operation?.id}`);
  assert.equal(planned.json.state, "queued", "a PUT replaces a queued change, but not a queued preview");
});

test("a teardown is accepted once, with the current tag or without a tag", async () => {
  assert.equal((await ask("DELETE", c1, { headers: { "if-match": '"stale"' } })).json.code, "precondition_failed");
  const first = await ask("DELETE", c1);
  assert.equal(first.status, 202);
  assert.equal((await ask("DELETE", c1)).headers.location, first.headers.location);
  assert.equal((await ask("GET", `${c1}/proof`)).status, 404);
  assert.equal((await ask("DELETE", "/v1/tenants/acme/integrations/none")).status, 404);
});

test("the API shows every blueprint, alone and in the list, and a tenant's keys", async () => {
  const { items } = (await ask("GET", "/v1/blueprints")).json as unknown as { items: { id: string }[] };
  assert.ok(items.length >= 1);
  for (const blueprint of items) assert.deepEqual((await ask("GET", `/v1/blueprints/${blueprint.id}`)).json, blueprint);
  assert.equal((await ask("GET", "/v1/blueprints/none")).status, 404);
  assert.equal((await ask("GET", "/v1/tenants/acme/keys")).status, 200);
});

test("a tenant without integrations is removed, and a GET then answers 404", async () => {
  assert.equal((await ask("DELETE", "/v1/tenants/beta")).status, 204);
  assert.equal((await ask("GET", "/v1/tenants/beta")).status, 404);
});

test("no answer held an external id", () => {
  assert.ok(seen.length > 50);
  for (const secret of secrets) assert.ok(!seen.join().includes(secret));
});

test("at 200 open operations of a tenant, a new one is refused with the time to try again, but a teardown is accepted", async () => {
  const open = (count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, index) =>
        createOperation(service.store.db, {
          kind: "verify",
          tenant: "acme",
          integration: `x${index}`,
          request: {},
          requestedBy: "test",
          deadlineSeconds: 60,
        }),
      ),
    );
  await open(200);
  const body = { body: integrationBody("c1-9999aaaabbbbccccdddd") };
  for (const [method, path, options] of [
    ["PUT", "/v1/tenants/acme/integrations/one-more", body],
    ["POST", "/v1/tenants/acme/integrations/one-more/preview", body],
    ["POST", `${c1}/verify`, {}],
    ["POST", `${c1}/detect-drift`, { body: {} }],
    ["POST", "/v1/tenants/acme/detect-drift", { body: {} }],
  ] as const) {
    const refused = await ask(method, path, options);
    assert.deepEqual([refused.status, refused.json.code, refused.headers["retry-after"]], [429, "too_many_operations", "15"], path);
  }
  assert.equal((await ask("DELETE", c1)).status, 202);
});
