/**
 * Each closed route of the real services gets requests over real records of two tenants. Each caller's key holds one tenant and one
 * scope. The tests are generated from the list of routes, so a new route is tested automatically.
 */
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { routes } from "../../src/http/routes/routes.ts";
import { type Route, routeName } from "../../src/http/server/route.ts";
import { type Scope, scopes } from "../../src/model/caller.ts";
import { bodyFixtures, integrationBodyFixture } from "./bodies.ts";
import type { Reply } from "./call.ts";
import { type Running, start } from "./support.ts";

const closed = routes.filter((route) => route.scope !== "open");
/** `near` has the caller's account, because an administrator registered both. */
const accounts = { acme: "111122223333", near: "999988887777", beta: "999988887777" };
const marks = { acme: "acme-marked-bucket", near: "near-marked-bucket", beta: "beta-marked-bucket" };
const roles = { acme: "ConductorOneIntegration", near: "NearReader", beta: "ConductorOneIntegration" };
const externalId = "c1-7d1f6a93b2e84c05a1f2";

let service: Running;
const keys: Record<string, string> = {};
const operations: Record<string, string> = {};
let acmeOperation = "";
let auditCursor = "";
let operationCursor = "";

async function keyOf(subject: string, tenants: "*" | string[], of: readonly Scope[]): Promise<void> {
  const { json, status } = await service.call("POST", "/v1/keys", { body: { subject, tenants, scopes: of } });
  assert.equal(status, 201);
  keys[subject] = String(json.key);
}

before(async () => {
  service = await start();
  await keyOf("acme-all", ["acme"], scopes);
  await keyOf("near-all", ["near"], scopes);
  await keyOf("beta-all", ["beta"], scopes);
  for (const scope of scopes) await keyOf(`beta-${scope}`, ["beta"], [scope]);
  for (const [tenant, accountId] of Object.entries(accounts)) {
    const access = { mode: "assume-role", roleArn: `arn:aws:iam::${accountId}:role/Provisioning` };
    const made = await service.call("PUT", `/v1/tenants/${tenant}`, { body: { accountId, region: "us-east-1", access } });
    assert.equal(made.status, 201, made.text);
    const ids = tenant === "acme" ? { externalId } : {};
    const named = tenant as keyof typeof marks;
    const body = { blueprint: "conductorone-s3", parameters: { bucket: marks[named], roleName: roles[named], ...ids } };
    const put = await service.call("PUT", `/v1/tenants/${tenant}/integrations/c1`, {
      token: keys[`${tenant}-all`] ?? "",
      body,
      headers: { "idempotency-key": "the-same-key" },
    });
    assert.equal(put.status, 202, put.text);
    operations[tenant] = String(put.headers.location).split("/").at(-1) ?? "";
  }
  acmeOperation = operations["acme"] ?? "";
  const former = { accountId: "111122224444", region: "us-east-1", access: { mode: "hand-off" } };
  assert.equal((await service.call("PUT", "/v1/tenants/former", { body: former })).status, 201);
  assert.equal((await service.call("DELETE", "/v1/tenants/former")).status, 204);
  auditCursor = String((await service.call("GET", "/v1/audit?limit=1&tenant=acme")).json.nextCursor);
  await service.call("POST", "/v1/tenants/acme/integrations/c1/preview", {
    token: keys["acme-all"] ?? "",
    body: { blueprint: "conductorone-s3", parameters: { bucket: marks.acme } },
  });
  operationCursor = String((await service.call("GET", "/v1/operations?limit=1&tenant=acme")).json.nextCursor);
});
after(() => service?.close());

/** Whose things a caller of `beta` asks for: in another account, in the same account, and of a tenant that is gone. */
const victims = ["acme", "near", "former"];
const thingsOf = (tenant: string): Record<string, string> => ({
  tenant,
  name: "c1",
  key: "c1",
  id: operations[tenant] ?? absent["id"] ?? "",
});
const absent: Record<string, string> = { tenant: "nobody", name: "none", key: "none", id: "00000000-0000-4000-8000-000000000000" };

function call(route: Route, token: string, ids: Record<string, string>): Promise<Reply> {
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => ids[name] ?? "conductorone-s3");
  const body = route.body && (bodyFixtures[routeName(route)] ?? integrationBodyFixture);
  return service.call(route.method.toUpperCase(), path, { token, ...(body && { body }) });
}

const seen = (reply: Reply): unknown => {
  const { date: _date, "x-request-id": id, ...headers } = reply.headers;
  return { status: reply.status, headers, text: reply.text.replaceAll(String(id), "") };
};
const namesAcme = /acme|111122223333|c1-7d1f/;
const namesOthers = /acme|111122223333|c1-7d1f|near-marked|NearReader|"near"|former|111122224444/;

for (const [route, victim] of closed.flatMap((route) => victims.map((victim) => [route, victim] as const))) {
  test(`${routeName(route)} tells a caller nothing of tenant ${victim}, with any scope`, async () => {
    for (const subject of ["beta-all", ...scopes.map((scope) => `beta-${scope}`)]) {
      const token = keys[subject] ?? "";
      const reply = await call(route, token, thingsOf(victim));
      const holds = subject === "beta-all" || subject === `beta-${route.scope}`;
      if (!holds || route.everyTenant) {
        assert.equal(reply.status, 403, `${subject}: ${reply.text}`);
        assert.equal(reply.json.code, "forbidden");
      } else if (/\{(tenant|id)\}/.test(route.path) && !route.path.startsWith("/v1/blueprints")) {
        assert.equal(reply.status, 404, `${subject}: ${reply.text}`);
        assert.deepEqual(seen(reply), seen(await call(route, token, absent)));
      }
      assert.doesNotMatch(reply.text + JSON.stringify(reply.headers), namesOthers, subject);
    }
  });
}

test("the refused requests changed nothing", async () => {
  for (const victim of ["acme", "near"] as const) {
    const token = keys[`${victim}-all`] ?? "";
    const { status, json } = await service.call("GET", `/v1/tenants/${victim}/integrations/c1`, { token });
    assert.equal(status, 200);
    assert.equal(json.parameters?.bucket as unknown, marks[victim]);
    assert.notEqual((await service.call("GET", `/v1/operations/${operations[victim]}`)).json.state as unknown, "cancelled");
  }
  assert.equal((await service.call("GET", "/v1/tenants/former")).status, 404);
});

test("lists, filters and another tenant's cursors show nothing of that tenant", async () => {
  const token = keys["beta-all"] ?? "";
  const lists = [
    "/v1/tenants",
    "/v1/operations",
    "/v1/operations?tenant=acme",
    `/v1/operations?cursor=${operationCursor}`,
    "/v1/audit",
    "/v1/audit?tenant=acme",
    "/v1/audit?subject=acme-all",
    `/v1/audit?operation=${acmeOperation}`,
    `/v1/audit?cursor=${auditCursor}`,
  ];
  for (const path of lists) {
    const { status, text } = await service.call("GET", path, { token });
    assert.equal(status, 200, `${path} ${text}`);
    assert.doesNotMatch(text, namesAcme, path);
  }
});

test("a page's cursor doesn't reveal how many entries other tenants have", async () => {
  const { json } = await service.call("GET", "/v1/audit?limit=1", { token: keys["beta-all"] ?? "" });
  assert.doesNotMatch(JSON.stringify(json), /"seq"|"hash"|"previous"/);
  const cursor = Buffer.from(String(json.nextCursor), "base64url").toString();
  assert.match(cursor, /^[0-9a-f-]{36}$/);
});

test("an idempotency key belongs to its caller: another caller's equal key counts as new", async () => {
  const body = { blueprint: "conductorone-s3", parameters: { bucket: marks.beta } };
  const reply = await service.call("PUT", "/v1/tenants/beta/integrations/c2", {
    token: keys["beta-all"] ?? "",
    body,
    headers: { "idempotency-key": "the-same-key-2" },
  });
  assert.equal(reply.headers["idempotency-replayed"], undefined);
  assert.doesNotMatch(reply.text, namesAcme);
});

test("an external id that another tenant uses is refused, and the answer doesn't name that tenant", async () => {
  const body = { blueprint: "conductorone-s3", parameters: { bucket: marks.beta, externalId } };
  const reply = await service.call("PUT", "/v1/tenants/beta/integrations/c3", { token: keys["beta-all"] ?? "", body });
  assert.equal(reply.json.code as unknown, "external_id_taken");
  assert.doesNotMatch(reply.text, namesAcme);
});

test("the audit has each mutation and each refusal with the caller, the action and the tags before and after", async () => {
  const rows = (await service.call("GET", "/v1/audit?tenant=acme&limit=200")).json.items as unknown as Record<string, string>[];
  const put = rows.filter((row) => row["action"] === "PUT /v1/tenants/{tenant}/integrations/{name}");
  const [outcome, intent] = put;
  assert.deepEqual([intent?.["phase"], intent?.["subject"], intent?.["before"]], ["intent", "acme-all", undefined]);
  assert.deepEqual([outcome?.["phase"], outcome?.["result"], outcome?.["operation"]], ["outcome", "202", acmeOperation]);
  assert.equal(outcome?.["of"], intent?.["id"]);
  assert.match(outcome?.["after"] ?? "", /^[0-9a-f]{32}$/);
  assert.match(intent?.["request"] ?? "", /^[0-9a-f]{64}$/);
  assert.doesNotMatch(JSON.stringify(rows), new RegExp(`${externalId}|${marks.acme}`));
});
