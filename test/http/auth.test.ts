import assert from "node:assert/strict";
import test, { after, before, beforeEach } from "node:test";
import { routes } from "../../src/http/routes/routes.ts";
import { defineRoute, type Route, routeName } from "../../src/http/server/route.ts";
import { scopes } from "../../src/model/caller.ts";
import { bodyFixtures, heldOperation, integrationBodyFixture, pathOf } from "./bodies.ts";
import type { Reply } from "./call.ts";
import { seed } from "./seed.ts";
import { type Running, start } from "./support.ts";

let service: Running;
before(async () => {
  service = await start();
});
after(() => service?.close());
beforeEach(() => seed(service.context));

const closed = routes.filter((route) => route.scope !== "open");

function call(route: Route, token: string | null, values?: Record<string, string>): Promise<Reply> {
  const body = route.body && bodyFor(route);
  return service.call(route.method.toUpperCase(), pathOf(route, values), { token, ...(body && { body }) });
}

function bodyFor(route: Route): object {
  return bodyFixtures[routeName(route)] ?? integrationBodyFixture;
}

/** Everything that a client sees, except what differs between two equal requests: the date and the request id. */
function seen(reply: Reply): unknown {
  const { date: _date, "x-request-id": _id, ...headers } = reply.headers;
  return { status: reply.status, headers, body: reply.text.replace(reply.headers["x-request-id"] as string, "") };
}

test("every route below /v1, and /metrics, needs a scope; only these routes are open, and a webhook needs a signature", () => {
  const open = routes.filter((route) => route.scope === "open").map((route) => route.path);
  assert.deepEqual(open, ["/v1/webhooks/{source}", "/schemas/{file}", "/healthz", "/readyz", "/openapi.json", "/docs", "/docs/{asset}"]);
  assert.ok(closed.length > 15);
});

test("a route without a scope doesn't compile", () => {
  // @ts-expect-error: scope is missing
  defineRoute({ method: "get", path: "/v1/x", tag: "System", summary: "", responses: { 204: { what: "" } } })(async () => ({
    status: 204,
  }));
  const facts = { method: "get", path: "/v1/x", tag: "System", summary: "", scope: "read" } as const;
  // @ts-expect-error: 200 isn't documented
  defineRoute({ ...facts, responses: { 204: { what: "" } } })(async () => ({ status: 200 }));
  assert.equal(routeName(facts), "GET /v1/x");
});

/** Routes whose verb needs more than the scope: it needs AWS, or the caller must hold the rights that a key or source would get. */
const beyond: Record<string, RegExp> = {
  "POST /v1/tenants/{tenant}/explain": /"status":500/,
  "PUT /v1/sources/{source}": /A source acts with the scopes of whoever registers it/,
  "POST /v1/keys": /A key can't hold a scope or a tenant that its maker doesn't hold/,
  "POST /v1/keys/{id}/rotate": /A key can't hold a scope or a tenant that its maker doesn't hold/,
};

for (const route of closed) {
  test(`${routeName(route)} refuses a caller without valid credentials, always with the same answer`, async () => {
    const missing = await call(route, null);
    assert.equal(missing.status, 401);
    assert.equal(missing.json.code, "unauthenticated");
    assert.equal(missing.headers["www-authenticate"], "Bearer");
    for (const token of ["admin-toke", "admin-token2", "x".repeat(5_000), "ädmin", ""]) {
      assert.deepEqual(seen(await call(route, Buffer.from(token).toString("latin1"))), seen(missing), token);
    }
  });

  test(`${routeName(route)} accepts its own scope and no other`, async () => {
    for (const scope of scopes) {
      const reply = await call(route, `only-${scope}`);
      const expected = beyond[routeName(route)];
      const isDone = expected === undefined ? reply.status < 300 : expected.test(reply.text);
      if (scope === route.scope) assert.ok(isDone, `${scope}: ${reply.text}`);
      else assert.equal(reply.json.code, "forbidden", scope);
    }
  });
}

for (const route of closed.filter(({ path }) => path.includes("{tenant}"))) {
  test(`${routeName(route)} answers the same for another caller's tenant as for an absent one`, async () => {
    const before = await service.footprint();
    const absent = await call(route, "beta-token", { tenant: "nobody" });
    const others = await call(route, "beta-token");
    assert.equal(others.status, 404);
    assert.deepEqual(seen(others), seen(absent));
    assert.deepEqual(await service.footprint(), before, "the request changed something in a tenant that the caller doesn't hold");
  });
}

test("the answer is the same for an absent thing of one's own tenant and for a thing of another's tenant", async () => {
  const path = "/v1/tenants/acme/integrations/gone";
  const absent = await service.call("GET", path, { token: "acme-token" });
  const others = await service.call("GET", path, { token: "beta-token" });
  assert.equal(absent.status, 404);
  assert.deepEqual(seen(others), seen(absent));
});

test("the answer is the same for another caller's operation and its events as for absent ones", async () => {
  for (const suffix of ["", "/events"]) {
    const stream = { accept: suffix ? "text/event-stream" : "application/json" };
    const absent = await service.call("GET", `/v1/operations/none${suffix}`, { token: "beta-token", headers: stream });
    const others = await service.call("GET", `/v1/operations/${heldOperation}${suffix}`, { token: "beta-token", headers: stream });
    assert.equal(others.status, 404);
    assert.deepEqual(seen(others), seen(absent));
  }
});

test("the body of a request to another's tenant isn't read", async () => {
  const reply = await service.call("PUT", "/v1/tenants/acme", { token: "beta-token", body: "not json" });
  assert.equal(reply.status, 404);
});

test("only callers that hold every tenant can read the metrics, and the metrics name no tenant", async () => {
  assert.equal((await service.call("GET", "/metrics", { token: "acme-token" })).json.code, "forbidden");
  await service.call("GET", "/v1/tenants/acme");
  await service.call("GET", "/v1/tenants/acme/secret-path");
  const { text, headers } = await service.call("GET", "/metrics");
  assert.match(headers["content-type"] ?? "", /^text\/plain/);
  assert.match(text, /route="\/v1\/tenants\/\{tenant\}"/);
  assert.doesNotMatch(text, /acme|beta|secret-path/);
});

test("a path below /v1 that doesn't exist needs a caller too", async () => {
  assert.equal((await service.call("GET", "/v1/nothing", { token: null })).status, 401);
  assert.equal((await service.call("PATCH", "/v1/tenants/acme", { token: null })).status, 401);
  assert.equal((await service.call("GET", "/v1/nothing")).status, 404);
});

test("a token in another scheme, or in the URL, is refused", async () => {
  const basic = { authorization: `Basic ${Buffer.from("admin:admin-token").toString("base64")}` };
  assert.equal((await service.call("GET", "/v1/tenants", { token: null, headers: basic })).status, 401);
  assert.equal((await service.call("GET", "/v1/tenants?access_token=admin-token", { token: null })).status, 401);
});

test("the answer is the same for an absent thing and for another tenant's, even if the lookups' errors differ", async () => {
  const absent = await service.call("GET", "/v1/tenants/acme/integrations/none", { token: "acme-token" });
  const foreign = await service.call("GET", "/v1/tenants/acme/integrations/c1", { token: "beta-token" });
  const { requestId: _one, ...first } = absent.json as Record<string, unknown>;
  const { requestId: _other, ...second } = foreign.json as Record<string, unknown>;
  assert.equal(absent.status, 404);
  assert.deepEqual(second, first);
  assert.doesNotMatch(absent.text, /says the store/);
});
