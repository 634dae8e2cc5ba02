import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { routes } from "../../src/http/routes/routes.ts";
import { routeName } from "../../src/http/server/route.ts";
import { problemAnswerSchema } from "../../src/http/views/operation-schemas.ts";
import { ProblemError } from "../../src/problem.ts";
import { assertDocumented, routeOf } from "./documented.ts";
import {
  explainFixture,
  integrationBodyFixture,
  integrationFixture,
  keyBodyFixture,
  operationFixture,
  policyFixture,
  type Running,
  reconcileFixture,
  sourceFixture,
  start,
  tenantBodyFixture,
  trustedFixture,
} from "./support.ts";

let service: Running;
before(async () => {
  service = await start();
});
after(() => service.close());

const unchanged = { ...integrationBodyFixture, version: "1.0.0" };
const c1 = "/v1/tenants/acme/integrations/c1";

/** One request for every answer that isn't a refusal. */
const requests: [method: string, path: string, status: number, body?: object][] = [
  ["GET", "/v1/tenants", 200],
  ["PUT", "/v1/tenants/acme", 200, tenantBodyFixture],
  ["PUT", "/v1/tenants/newcomer", 201, { ...tenantBodyFixture, tags: { team: "data" }, access: { mode: "hand-off" } }],
  ["GET", "/v1/tenants/acme", 200],
  ["DELETE", "/v1/tenants/acme", 204],
  ["DELETE", "/v1/tenants/busy", 202],
  ["GET", "/v1/tenants/acme/receipts", 200],
  ["POST", "/v1/vendors/metrics/revoke", 202],
  ["POST", "/v1/vendors/metrics/reinstate", 202],
  ["GET", "/v1/tenants/acme/integrations", 200],
  ["PUT", c1, 202, integrationBodyFixture],
  ["PUT", c1, 200, unchanged],
  ["GET", c1, 200],
  ["DELETE", c1, 202],
  ["POST", `${c1}/preview`, 202, integrationBodyFixture],
  ["POST", `${c1}/verify`, 202],
  ["GET", `${c1}/hand-off`, 200],
  ["POST", `${c1}/external-id`, 202, { externalId: "c1-0123456789abcdef" }],
  ["GET", "/v1/tenants/acme/bootstrap", 200],
  ["POST", `${c1}/adopt`, 202, { roleArn: "arn:aws:iam::111122223333:role/theirs" }],
  ["POST", `${c1}/vendor-policy`, 202, { document: policyFixture }],
  ["POST", "/v1/tenants/acme/explain", 200, explainFixture],
  ["PUT", "/v1/trusted-principals/op-1", 200, trustedFixture],
  ["GET", "/v1/trusted-principals/op-1", 200],
  ["DELETE", "/v1/trusted-principals/op-1", 204],
  ["POST", "/v1/operations/op-1/approve", 200, { planHash: "0".repeat(64) }],
  ["POST", "/v1/operations/op-1/discard", 200],
  ["POST", "/v1/operations/op-1/cancel", 200, { force: true }],
  ["POST", "/v1/reconcile", 202, reconcileFixture],
  ["GET", "/v1/tenants/acme/keys", 200],
  ["POST", "/v1/tenants/acme/keys/c1/delete", 202, { confirm: "c1", days: 7 }],
  ["GET", `${c1}/proof`, 200],
  ["GET", "/v1/blueprints", 200],
  ["GET", "/v1/blueprints/vendor-s3", 200],
  ["GET", "/v1/operations?tenant=acme&integration=c1&kind=up&state=queued&limit=10", 200],
  ["GET", "/v1/operations/op-1", 200],
  ["GET", "/v1/operations/op-1/events", 200],
  ["GET", "/v1/sources", 200],
  ["PUT", "/v1/sources/acme", 200, sourceFixture],
  ["PUT", "/v1/sources/newcomer", 201, sourceFixture],
  ["GET", "/v1/sources/acme", 200],
  ["DELETE", "/v1/sources/acme", 204],
  ["POST", "/v1/sources/acme/fetch", 202],
  ["POST", "/v1/webhooks/acme", 200, Buffer.from("{}")],
  ["POST", "/v1/webhooks/acme", 202, Buffer.from("push")],
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
  ["POST", "/v1/keys/op-1/rotate", 201, { overlapMinutes: 5 }],
  ["DELETE", "/v1/keys/op-1", 204],
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

for (const [method, path, status, body] of requests) {
  test(`${method} ${path} answers ${status} as documented`, async () => {
    const reply = await service.call(method, path, body && { body });
    assert.equal(reply.status, status, reply.text);
    assertDocumented(method, path, reply);
  });
}

test("every documented answer was asked for above, but for an unready service", () => {
  const asked = new Set(requests.map(([method, path, status]) => `${routeName(routeOf(method, path))} ${status}`));
  const documented = routes.flatMap((route) => Object.keys(route.responses).map((status) => `${routeName(route)} ${status}`));
  assert.deepEqual(
    documented.filter((answer) => !asked.has(answer)),
    ["GET /readyz 503"],
  );
});

test("an unready service names what is missing, with 503", async () => {
  const checks = [{ name: "state-bucket", ok: false, detail: "The bucket can't be listed." }];
  const unready = await start({ readiness: async () => ({ ready: false, checks }) });
  const reply = await unready.call("GET", "/readyz", { token: null });
  assert.equal(reply.status, 503);
  assert.deepEqual(reply.json, { ready: false, checks });
  await unready.close();
});

test("an accepted PUT gives the operation, its place and the new tag; an unchanged one gives the integration alone", async () => {
  const accepted = await service.call("PUT", c1, { body: integrationBodyFixture });
  assert.equal(accepted.headers.location, "/v1/operations/op-1");
  assert.equal(accepted.headers.etag, '"i2"');
  assert.deepEqual(accepted.json, { operation: operationFixture, integration: integrationFixture });
  const same = await service.call("PUT", c1, { body: unchanged });
  assert.equal(same.headers.location, undefined);
  assert.deepEqual(same.json, integrationFixture);
});

test("what was sent reaches the service as it was, with the caller and the tag", async () => {
  await service.call("PUT", c1, {
    token: "acme-token",
    body: { ...integrationBodyFixture, settings: {} },
    headers: { "if-match": '"i1"' },
  });
  assert.deepEqual(service.calls.at(-1), [
    "putIntegration",
    "acme-ci",
    { tenant: "acme", name: "c1", body: { ...integrationBodyFixture, settings: {} }, ifMatch: "i1" },
  ]);
  await service.call("PUT", "/v1/tenants/acme", { body: tenantBodyFixture });
  assert.deepEqual(service.calls.at(-1), ["putTenant", "admin", "acme", tenantBodyFixture, {}]);
  await service.call("DELETE", c1, { headers: { "if-match": '"old"' } });
  assert.deepEqual(service.calls.at(-1), ["deleteIntegration", { tenant: "acme", name: "c1", ifMatch: "old" }]);
  await service.call("DELETE", "/v1/tenants/acme", { headers: { "if-match": "*" } });
  assert.deepEqual(service.calls.at(-1), ["deleteTenant", "acme", { ifMatch: "*" }]);
});

test("a list has 50 items a page unless told, and passes its cursor on", async () => {
  await service.call("GET", "/v1/tenants");
  assert.deepEqual(service.calls.at(-1), ["listTenants", "admin", { limit: 50 }]);
  await service.call("GET", "/v1/tenants?limit=7&cursor=abc");
  assert.deepEqual(service.calls.at(-1), ["listTenants", "admin", { limit: 7, cursor: "abc" }]);
});

test("a refusal of the services is answered with its status, code, pointer and cause", async () => {
  const refusing = await start({
    putIntegration: async () => {
      throw new ProblemError("invalid_parameters", "A bucket name has 3 to 63 characters.", {
        pointer: "/parameters/bucket",
        cause: "BucketName",
      });
    },
    deleteTenant: async () => {
      throw new ProblemError("stack_locked", "Somebody holds it.");
    },
    getTenant: async () => {
      throw new ProblemError("not_ready", "The store is starting.");
    },
  });
  const reply = await refusing.call("PUT", c1, { body: integrationBodyFixture });
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
  assert.equal((await refusing.call("DELETE", "/v1/tenants/acme")).status, 409);
  const unready = await refusing.call("GET", "/v1/tenants/acme");
  assert.equal(unready.status, 503);
  assert.equal(unready.headers["retry-after"], "5");
  await refusing.close();
});

test("a fault is answered with 500 and nothing of it, and logged with the request's id and without its message", async () => {
  const faulty = await start({
    getTenant: async () => {
      throw new TypeError("canary-7f3a: password in a message");
    },
  });
  const reply = await faulty.call("GET", "/v1/tenants/acme");
  assert.equal(reply.status, 500);
  assert.equal(reply.json.code, "internal");
  assert.doesNotMatch(reply.text, /canary|TypeError/);
  const fault = faulty.lines().find((line) => line["message"] === "fault");
  assert.equal(fault?.["requestId"], reply.headers["x-request-id"]);
  assert.equal(fault?.["fault"], "TypeError");
  assert.match(String(fault?.["frames"]), /answers\.test\.ts/);
  assert.doesNotMatch(JSON.stringify(faulty.lines()), /canary/);
  await faulty.close();
});

test("one line per request says who did what, and neither token nor body", async () => {
  const quiet = await start();
  await quiet.call("PUT", `${c1}?`, { token: "acme-token", body: integrationBodyFixture, headers: { "x-request-id": "request-0001" } });
  await quiet.call("GET", "/v1/tenants?cursor=canary-cursor", { token: "canary-token" });
  await quiet.close();
  const [put, list, ...more] = quiet.lines().map(({ time: _time, ms: _ms, ...line }) => line);
  assert.deepEqual(more, []);
  assert.deepEqual(put, {
    level: "info",
    message: "request",
    requestId: "request-0001",
    subject: "acme-ci",
    tenant: "acme",
    integration: "c1",
    method: "PUT",
    route: "/v1/tenants/{tenant}/integrations/{name}",
    status: 202,
  });
  assert.equal(list?.["code"], "unauthenticated");
  assert.doesNotMatch(JSON.stringify(quiet.lines()), /canary|acme-data|acme-token/);
});

test("a request id is taken when it is a plain token, and made when it is not", async () => {
  const given = await service.call("GET", "/healthz", { headers: { "x-request-id": "ci-4711.a_b" } });
  assert.equal(given.headers["x-request-id"], "ci-4711.a_b");
  for (const id of ["short", "a b c d e f", "x".repeat(65), '"quoted-id"', "{}{}{}{}"]) {
    const made = await service.call("GET", "/healthz", { headers: { "x-request-id": id } });
    assert.match(String(made.headers["x-request-id"]), /^[0-9a-f-]{36}$/);
  }
});

test("answers can't be framed, cached or sniffed, and say nothing of what serves them", async () => {
  const { headers } = await service.call("GET", "/v1/tenants");
  assert.equal(headers["content-security-policy"], "default-src 'none';frame-ancestors 'none'");
  assert.equal(headers["cache-control"], "no-store");
  assert.equal(headers["x-content-type-options"], "nosniff");
  assert.equal(headers["x-powered-by"], undefined);
});

test("a GET is never answered 304: its tag covers what was written, not what has become of it", async () => {
  const reply = await service.call("GET", c1, { headers: { "if-none-match": '"i1"' } });
  assert.equal(reply.status, 200);
  assert.equal(reply.headers.etag, '"i1"');
});

test("a HEAD is a GET without its body", async () => {
  const reply = await service.call("HEAD", c1);
  assert.equal(reply.status, 200);
  assert.equal(reply.headers.etag, '"i1"');
  assert.equal(reply.text, "");
  assert.equal((await service.call("HEAD", "/v1/operations/op-1/events", { headers: { accept: "text/event-stream" } })).status, 200);
});
