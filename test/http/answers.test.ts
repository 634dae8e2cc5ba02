import assert from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";
import test, { after, before, beforeEach } from "node:test";
import { z } from "zod";
import { routes } from "../../src/http/routes/routes.ts";
import { defineRoute, routeName } from "../../src/http/server/route.ts";
import { problemAnswerSchema } from "../../src/http/views/operation-schemas.ts";
import { ProblemError } from "../../src/problem.ts";
import { findIntegration } from "../../src/store/integrations.ts";
import { findOperation } from "../../src/store/operations.ts";
import {
  bodyFixtures,
  grantFixture,
  heldOperation,
  integrationBodyFixture,
  keyBodyFixture,
  planHashFixture,
  policyFixture,
  reconcileFixture,
  sourceFixture,
  tenantBodyFixture,
  trustedFixture,
} from "./bodies.ts";
import type { CallOptions } from "./call.ts";
import { assertDocumented, routeOf } from "./documented.ts";
import { seed } from "./seed.ts";
import { beside, type Running, start, webhookSecret } from "./support.ts";

let service: Running;
before(async () => {
  service = await start();
});
after(() => service?.close());
beforeEach(() => seed(service.context));

const unchanged = integrationBodyFixture;
const changed = { ...integrationBodyFixture, parameters: { bucket: "other-data" } };
const operation = `/v1/operations/${heldOperation}`;
/** A delivery, signed as GitHub signs it. */
const delivery = (event: string, payload: object): CallOptions => {
  const body = Buffer.from(JSON.stringify(payload));
  const signature = `sha256=${createHmac("sha256", webhookSecret).update(body).digest("hex")}`;
  const headers = { "x-github-event": event, "x-hub-signature-256": signature, "x-github-delivery": randomUUID() };
  return { body, headers: { ...headers, "content-type": "application/json" } };
};
const pushed = {
  ref: "refs/heads/main",
  after: "4f2a9c1e4f2a9c1e4f2a9c1e4f2a9c1e4f2a9c1e",
  repository: { clone_url: "https://git.example/acme", full_name: "acme" },
};
const c1 = "/v1/tenants/acme/integrations/c1";

/** One request for every answer that isn't a refusal. */
const requests: [method: string, path: string, status: number, body?: object | undefined, options?: CallOptions][] = [
  ["GET", "/v1/tenants", 200],
  ["PUT", "/v1/tenants/acme", 200, { ...tenantBodyFixture, tags: { team: "data" } }],
  [
    "PUT",
    "/v1/tenants/newcomer",
    201,
    { ...tenantBodyFixture, accountId: "111122225555", tags: { team: "data" }, access: { mode: "hand-off" } },
  ],
  ["GET", "/v1/tenants/acme", 200],
  ["DELETE", "/v1/tenants/empty", 204],
  ["DELETE", "/v1/tenants/acme", 202],
  ["GET", "/v1/tenants/acme/receipts", 200],
  ["POST", "/v1/vendors/conductorone/revoke", 202],
  ["POST", "/v1/vendors/conductorone/reinstate", 202],
  ["GET", "/v1/tenants/acme/integrations", 200],
  ["PUT", c1, 202, changed, { headers: { "if-match": "*" } }],
  ["PUT", c1, 200, unchanged],
  ["GET", c1, 200],
  ["DELETE", c1, 202],
  ["POST", `${c1}/preview`, 202, integrationBodyFixture],
  ["POST", `${c1}/verify`, 202],
  ["GET", `${c1}/hand-off`, 200],
  ["POST", `${c1}/external-id`, 202, { externalId: "c1-0123456789abcdef" }],
  ["GET", "/v1/tenants/acme/bootstrap", 200],
  ["POST", `${c1}/adopt`, 202, bodyFixtures["POST /v1/tenants/{tenant}/integrations/{name}/adopt"]],
  ["POST", "/v1/tenants/acme/integrations/ace/vendor-policy", 202, { document: policyFixture }],
  ["PUT", "/v1/trusted-principals/reader", 200, trustedFixture],
  ["GET", "/v1/trusted-principals/reader", 200],
  ["DELETE", "/v1/trusted-principals/reader", 204],
  ["GET", "/v1/claims", 200],
  ["POST", "/v1/claims/release", 200, { accountId: tenantBodyFixture.accountId }],
  ["GET", "/v1/claims/grants", 200],
  ["POST", "/v1/claims/grants", 201, { tenant: "acme", resource: "bucket/acme-shared" }],
  ["DELETE", `/v1/claims/grants/${grantFixture}`, 204],
  ["POST", `${operation}/approve`, 200, { planHash: planHashFixture }],
  ["POST", `${operation}/discard`, 200],
  ["POST", `${operation}/cancel`, 200, { force: true }],
  ["POST", "/v1/reconcile", 202, reconcileFixture],
  ["GET", "/v1/tenants/acme/keys", 200],
  ["POST", "/v1/tenants/acme/keys/c1/delete", 202, { confirm: "c1", days: 7 }],
  ["GET", `${c1}/proof`, 200],
  ["GET", "/v1/blueprints", 200],
  ["GET", "/v1/blueprints/conductorone-s3", 200],
  ["GET", "/v1/operations?tenant=acme&integration=c1&kind=up&state=queued&limit=10", 200],
  ["GET", operation, 200],
  ["GET", `${operation}/events`, 200],
  ["GET", "/v1/sources", 200],
  ["PUT", "/v1/sources/acme", 200, sourceFixture],
  ["PUT", "/v1/sources/newcomer", 201, sourceFixture],
  ["GET", "/v1/sources/acme", 200],
  ["DELETE", "/v1/sources/acme", 204],
  ["POST", "/v1/sources/acme/fetch", 202],
  ["POST", "/v1/webhooks/acme", 200, undefined, delivery("ping", { zen: "It is a ping." })],
  ["POST", "/v1/webhooks/acme", 202, undefined, delivery("push", pushed)],
  ["GET", `${c1}/drift`, 200],
  ["POST", `${c1}/detect-drift`, 202, {}],
  ["POST", "/v1/tenants/acme/detect-drift", 202, {}],
  ["PUT", "/v1/tenants/acme/pause", 204, { reason: "an audit" }],
  ["DELETE", "/v1/tenants/acme/pause", 204],
  ["GET", "/v1/pause", 200],
  ["PUT", "/v1/pause", 204, { reason: "an audit" }],
  ["DELETE", "/v1/pause", 204],
  ["POST", "/v1/keys", 201, keyBodyFixture],
  ["GET", "/v1/keys", 200],
  ["POST", "/v1/keys/key-1/rotate", 201, { overlapMinutes: 5 }],
  ["DELETE", "/v1/keys/key-1", 204],
  ["GET", "/v1/audit", 200],
  ["GET", "/v1/audit/export", 200],
  ["POST", "/v1/freeze", 200, { reason: "an incident" }],
  ["DELETE", "/v1/freeze", 204],
  ["GET", "/schemas/manifest.json", 200],
  ["GET", "/healthz", 200],
  ["GET", "/readyz", 200],
  ["GET", "/metrics", 200],
  ["GET", "/openapi.json", 200],
  ["GET", "/docs", 200],
  ["GET", "/docs/swagger-ui.css", 200],
];

for (const [method, path, status, body, options] of requests) {
  test(`${method} ${path} answers ${status} as documented`, async () => {
    const reply = await service.call(method, path, { ...(body && { body }), ...options });
    assert.equal(reply.status, status, reply.text);
    assertDocumented(method, path, reply);
  });
}

test("the requests above get every documented answer, except the 503 of /readyz and an answer that needs AWS", () => {
  const asked = new Set(requests.map(([method, path, status]) => `${routeName(routeOf(method, path))} ${status}`));
  const documented = routes.flatMap((route) => Object.keys(route.responses).map((status) => `${routeName(route)} ${status}`));
  assert.deepEqual(
    documented.filter((answer) => !asked.has(answer)),
    ["POST /v1/tenants/{tenant}/explain 200", "GET /readyz 503"],
  );
});

test("an unready service answers 503 and names the failed checks", async () => {
  const checks = [{ name: "state-bucket", ok: false, detail: "The bucket can't be listed." }];
  const unready = await beside(service, { api: { readiness: async () => ({ ready: false, checks }) } });
  const reply = await unready.call("GET", "/readyz", { token: null });
  assert.equal(reply.status, 503);
  assert.deepEqual(reply.json, { ready: false, checks });
  await unready.close();
});

test("an accepted PUT returns the operation, its URL and the new tag; an unchanged PUT returns only the integration", async () => {
  const before = await service.call("GET", c1);
  const same = await service.call("PUT", c1, { body: unchanged });
  assert.deepEqual([same.status, same.headers.location, same.headers.etag], [200, undefined, before.headers.etag]);
  assert.deepEqual(same.json, before.json);
  const accepted = await service.call("PUT", c1, { body: changed, headers: { "if-match": before.headers.etag } });
  const made = accepted.json.operation?.id as unknown;
  assert.equal(accepted.headers.location, `/v1/operations/${made}`);
  assert.notEqual(accepted.headers.etag, before.headers.etag);
  const [there, read] = await Promise.all([service.call("GET", `/v1/operations/${made}`), service.call("GET", c1)]);
  assert.deepEqual(accepted.json, { operation: there.json, integration: read.json });
  assert.equal(accepted.headers.etag, read.headers.etag);
});

test("the body, the caller and the tag of a request reach the verb unchanged", async () => {
  const stale = { headers: { "if-match": '"i1"' } };
  const put = (headers: CallOptions["headers"]) =>
    service.call("PUT", c1, { token: "acme-token", body: { ...changed, settings: { drift: "ignore" } }, ...(headers && { headers }) });
  assert.equal((await put(stale.headers)).json.code, "precondition_failed");
  const accepted = await put({ "if-match": (await service.call("GET", c1)).headers.etag });
  assert.equal(accepted.status, 202);
  const stored = await findIntegration(service.store.db, "acme", "c1");
  assert.deepEqual([stored?.parameters["bucket"], stored?.settings], ["other-data", { drift: "ignore" }]);
  assert.equal((await findOperation(service.store.db, String(accepted.json.operation?.id)))?.requestedBy, "acme-ci");
  assert.equal((await service.call("PUT", "/v1/tenants/acme", { body: tenantBodyFixture, ...stale })).json.code, "precondition_failed");
  assert.equal((await service.call("DELETE", c1, stale)).json.code, "precondition_failed");
  assert.equal((await service.call("DELETE", "/v1/tenants/acme", stale)).json.code, "precondition_failed");
  assert.equal((await service.call("DELETE", "/v1/tenants/acme", { headers: { "if-match": "*" } })).status, 202);
});

test("a page of a list has 50 items by default, and its cursor leads to the next page", async () => {
  for (let index = 0; index < 60; index++) {
    const body = { ...tenantBodyFixture, accountId: String(222_200_000_000 + index), access: { mode: "hand-off" } };
    assert.equal((await service.call("PUT", `/v1/tenants/t${index}`, { body })).status, 201);
  }
  const first = await service.call("GET", "/v1/tenants");
  const next = await service.call("GET", `/v1/tenants?limit=7&cursor=${first.json.nextCursor}`);
  const [some, more] = [first, next].map(({ json }) => (json.items as unknown as { name: string }[]).map(({ name }) => name));
  assert.deepEqual([some?.length, more?.length], [50, 7]);
  assert.ok(!more?.some((name) => some?.includes(name)));
});

/** A route that fails with the error that the test gives. */
const failing = (error: () => Error) =>
  defineRoute({
    method: "get",
    path: "/v1/tenants/{tenant}/failing",
    scope: "read",
    tag: "System",
    summary: "Fails",
    params: z.strictObject({ tenant: z.string() }),
    responses: { 200: { what: "Never", schema: z.object({}) } },
  })(async () => {
    throw error();
  });

test("the answer to a refusal has its status, code, pointer and cause", async () => {
  const faults = [
    new ProblemError("invalid_parameters", "A bucket name has 3 to 63 characters.", { pointer: "/parameters/bucket", cause: "BucketName" }),
    new ProblemError("stack_locked", "Somebody holds it."),
    new ProblemError("not_ready", "The store is starting."),
  ];
  const refusing = await beside(service, { routes: [failing(() => faults.shift() ?? new Error("no fault is left"))] });
  const reply = await refusing.call("GET", "/v1/tenants/acme/failing");
  assert.equal(reply.status, 422);
  const { requestId: _id, ...problem } = problemAnswerSchema.parse(reply.json);
  assert.deepEqual(problem, {
    type: "urn:drawbridge:problem:invalid_parameters",
    title: "The blueprint refuses these parameters",
    status: 422,
    code: "invalid_parameters",
    retry: "never",
    detail: "A bucket name has 3 to 63 characters.",
    pointer: "/parameters/bucket",
    cause: "BucketName",
  });
  assert.equal((await refusing.call("GET", "/v1/tenants/acme/failing")).status, 409);
  const unready = await refusing.call("GET", "/v1/tenants/acme/failing");
  assert.equal(unready.status, 503);
  assert.equal(unready.headers["retry-after"], "5");
  await refusing.close();
});

test("the answer to a fault is a 500 without details; the log has the request's id, but not the fault's message", async () => {
  const faulty = await beside(service, { routes: [failing(() => new TypeError("canary-7f3a: password in a message"))] });
  const reply = await faulty.call("GET", "/v1/tenants/acme/failing");
  assert.equal(reply.status, 500);
  assert.equal(reply.json.code, "internal");
  assert.doesNotMatch(reply.text, /canary|TypeError/);
  const fault = service.lines().find((line) => line["requestId"] === reply.headers["x-request-id"] && line["message"] === "fault");
  assert.equal(fault?.["requestId"], reply.headers["x-request-id"]);
  assert.equal(fault?.["fault"], "TypeError");
  assert.match(String(fault?.["frames"]), /answers\.test\.ts/);
  assert.doesNotMatch(JSON.stringify(service.lines()), /canary/);
  await faulty.close();
});

test("one log line per request says who did what, and holds neither the token nor the body", async () => {
  const before = service.lines().length;
  await service.call("PUT", "/v1/tenants/acme/integrations/c2?", {
    token: "acme-token",
    body: integrationBodyFixture,
    headers: { "x-request-id": "request-0001" },
  });
  await service.call("GET", "/v1/tenants?cursor=canary-cursor", { token: "canary-token" });
  const [put, list, ...more] = service
    .lines()
    .slice(before)
    .map(({ time: _time, ms: _ms, ...line }) => line);
  assert.deepEqual(more, []);
  assert.deepEqual(put, {
    level: "info",
    message: "request",
    requestId: "request-0001",
    subject: "acme-ci",
    tenant: "acme",
    integration: "c2",
    method: "PUT",
    route: "/v1/tenants/{tenant}/integrations/{name}",
    status: 202,
  });
  assert.equal(list?.["code"], "unauthenticated");
  assert.doesNotMatch(JSON.stringify(service.lines().slice(before)), /canary|acme-data|acme-token/);
});

test("the service keeps a client's request id if it is a plain token, and makes a new one otherwise", async () => {
  const given = await service.call("GET", "/healthz", { headers: { "x-request-id": "ci-4711.a_b" } });
  assert.equal(given.headers["x-request-id"], "ci-4711.a_b");
  for (const id of ["short", "a b c d e f", "x".repeat(65), '"quoted-id"', "{}{}{}{}"]) {
    const made = await service.call("GET", "/healthz", { headers: { "x-request-id": id } });
    assert.match(String(made.headers["x-request-id"]), /^[0-9a-f-]{36}$/);
  }
});

test("the headers of an answer forbid framing, caching and sniffing, and don't name the server's software", async () => {
  const { headers } = await service.call("GET", "/v1/tenants");
  assert.equal(headers["content-security-policy"], "default-src 'none';frame-ancestors 'none'");
  assert.equal(headers["cache-control"], "no-store");
  assert.equal(headers["x-content-type-options"], "nosniff");
  assert.equal(headers["x-powered-by"], undefined);
});

test("a GET never answers 304: the tag covers what was written, not the current state", async () => {
  const { etag } = (await service.call("GET", c1)).headers;
  const reply = await service.call("GET", c1, { headers: { "if-none-match": etag } });
  assert.equal(reply.status, 200);
  assert.equal(reply.headers.etag, etag);
});

/** After the discard the operation has ended, so a stream of its events ends too. */
const discardHeld = async () => assert.equal((await service.call("POST", `${operation}/discard`)).status, 200);

test("a HEAD answers like a GET, but without a body", async () => {
  const reply = await service.call("HEAD", c1);
  assert.equal(reply.status, 200);
  assert.equal(reply.headers.etag, (await service.call("GET", c1)).headers.etag);
  assert.equal(reply.text, "");
  await discardHeld();
  assert.equal((await service.call("HEAD", `${operation}/events`, { headers: { accept: "text/event-stream" } })).status, 200);
});
