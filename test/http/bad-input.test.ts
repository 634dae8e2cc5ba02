import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { integrationBodyFixture, tenantBodyFixture } from "./bodies.ts";
import type { CallOptions } from "./call.ts";
import { type Running, startSeeded } from "./support.ts";

let service: Running;
before(async () => {
  service = await startSeeded();
});
after(() => service.close());

interface Refusal {
  name: string;
  method?: string;
  path?: string;
  options?: CallOptions;
  status: number;
  code: string;
  pointer?: string;
}

const integration = "/v1/tenants/acme/integrations/c1";
const tenant = "/v1/tenants/acme";
const put = (body: unknown) => ({ body });
const tenantWith = (change: object) => put({ ...tenantBodyFixture, ...change });
const text = (headers: CallOptions["headers"], body: unknown = "{}") => ({ body, ...(headers && { headers }) });

const refusals: Refusal[] = [
  {
    name: "an unknown field",
    options: put({ ...integrationBodyFixture, admin: true }),
    status: 400,
    code: "invalid_request",
    pointer: "/admin",
  },
  {
    name: "an unknown setting",
    options: put({ ...integrationBodyFixture, settings: { drift: "x" } }),
    status: 400,
    code: "invalid_request",
    pointer: "/settings/drift",
  },
  {
    name: "a server-owned field",
    path: tenant,
    options: tenantWith({ provisioning: {} }),
    status: 400,
    code: "invalid_request",
    pointer: "/provisioning",
  },
  {
    name: "a malformed ARN",
    path: tenant,
    options: tenantWith({ access: { mode: "assume-role", roleArn: "arn:aws:iam::1:role/x" } }),
    status: 400,
    code: "invalid_request",
    pointer: "/access/roleArn",
  },
  {
    name: "an ARN with a line break",
    path: tenant,
    options: tenantWith({ access: { mode: "assume-role", roleArn: `${tenantBodyFixture.access.roleArn}\n` } }),
    status: 400,
    code: "invalid_request",
    pointer: "/access/roleArn",
  },
  {
    name: "an unknown access mode",
    path: tenant,
    options: tenantWith({ access: { mode: "root" } }),
    status: 400,
    code: "invalid_request",
    pointer: "/access/mode",
  },
  {
    name: "a mode with another's field",
    path: tenant,
    options: tenantWith({ access: { mode: "hand-off", roleArn: "x" } }),
    status: 400,
    code: "invalid_request",
    pointer: "/access/roleArn",
  },
  {
    name: "an account as a number",
    path: tenant,
    options: tenantWith({ accountId: 111122223333 }),
    status: 400,
    code: "invalid_request",
    pointer: "/accountId",
  },
  {
    name: "an account of 11 digits",
    path: tenant,
    options: tenantWith({ accountId: "11112222333" }),
    status: 400,
    code: "invalid_request",
    pointer: "/accountId",
  },
  {
    name: "an account in other digits",
    path: tenant,
    options: tenantWith({ accountId: "١١١١٢٢٢٢٣٣٣٣" }),
    status: 400,
    code: "invalid_request",
    pointer: "/accountId",
  },
  {
    name: "a region that is a URL",
    path: tenant,
    options: tenantWith({ region: "evil.example/x" }),
    status: 400,
    code: "invalid_request",
    pointer: "/region",
  },
  {
    name: "a tag of AWS's own",
    path: tenant,
    options: tenantWith({ tags: { "AWS:x": "y" } }),
    status: 400,
    code: "invalid_request",
    pointer: "/tags/AWS:x",
  },
  {
    name: "a tag of ours",
    path: tenant,
    options: tenantWith({ tags: { "drawbridge:tenant": "other" } }),
    status: 400,
    code: "invalid_request",
    pointer: "/tags/drawbridge:tenant",
  },
  {
    name: "too many tags",
    path: tenant,
    options: tenantWith({ tags: Object.fromEntries(Array.from({ length: 41 }, (_, at) => [`t${at}`, ""])) }),
    status: 400,
    code: "invalid_request",
    pointer: "/tags",
  },
  {
    name: "an undefined boundary",
    path: tenant,
    options: tenantWith({ permissionsBoundaryArn: null }),
    status: 400,
    code: "invalid_request",
    pointer: "/permissionsBoundaryArn",
  },
  { name: "a missing field", options: put({ blueprint: "vendor-s3" }), status: 400, code: "invalid_request", pointer: "/parameters" },
  {
    name: "parameters as a list",
    options: put({ blueprint: "vendor-s3", parameters: [] }),
    status: 400,
    code: "invalid_request",
    pointer: "/parameters",
  },
  { name: "a body that is a list", options: put([]), status: 400, code: "invalid_request", pointer: "" },
  { name: "a body that is null", options: put("null"), status: 400, code: "invalid_request", pointer: "" },
  { name: "a body that is a number", options: put("7"), status: 400, code: "invalid_request", pointer: "" },
  {
    name: "a version that is a range",
    options: put({ ...integrationBodyFixture, version: "^1.0.0" }),
    status: 400,
    code: "invalid_request",
    pointer: "/version",
  },
  { name: "a tenant ../x, encoded", path: "/v1/tenants/..%2Fx", options: put(tenantBodyFixture), status: 400, code: "invalid_request" },
  { name: "a tenant ../x, plain", path: "/v1/tenants/../x", options: put(tenantBodyFixture), status: 404, code: "not_found" },
  { name: "a tenant in upper case", path: "/v1/tenants/ACME", options: put(tenantBodyFixture), status: 400, code: "invalid_request" },
  {
    name: "a tenant of 41 letters",
    path: `/v1/tenants/${"a".repeat(41)}`,
    options: put(tenantBodyFixture),
    status: 400,
    code: "invalid_request",
  },
  { name: "a tenant with NUL", path: "/v1/tenants/a%00", options: put(tenantBodyFixture), status: 400, code: "invalid_request" },
  {
    name: "a tenant with a line break",
    path: "/v1/tenants/acme%0A",
    options: put(tenantBodyFixture),
    status: 400,
    code: "invalid_request",
  },
  { name: "a broken percent-encoding", path: "/v1/tenants/%zz", options: put(tenantBodyFixture), status: 400, code: "invalid_request" },
  { name: "an overlong UTF-8 path", path: "/v1/tenants/%c0%ae", options: put(tenantBodyFixture), status: 400, code: "invalid_request" },
  { name: "an operation id with a path in it", method: "GET", path: "/v1/operations/..%2f..%2fetc", status: 400, code: "invalid_request" },
  {
    name: "a megabyte",
    options: put({ ...integrationBodyFixture, parameters: { x: "y".repeat(1_000_000) } }),
    status: 413,
    code: "body_too_large",
  },
  {
    name: "a megabyte without a length",
    options: { ...put({ parameters: "y".repeat(1_000_000) }), headers: { "content-length": undefined, "transfer-encoding": "chunked" } },
    status: 413,
    code: "body_too_large",
  },
  {
    name: "duplicate keys",
    options: put('{"blueprint":"a","blueprint":"b","parameters":{}}'),
    status: 400,
    code: "malformed_body",
    pointer: "/blueprint",
  },
  {
    name: "__proto__",
    options: put('{"blueprint":"a","parameters":{"__proto__":{"x":1}}}'),
    status: 400,
    code: "malformed_body",
    pointer: "/parameters/__proto__",
  },
  { name: "constructor", options: put('{"constructor":{"prototype":{}}}'), status: 400, code: "malformed_body", pointer: "/constructor" },
  { name: "a depth of ten thousand", options: put(`${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`), status: 400, code: "malformed_body" },
  { name: "half a document", options: put('{"blueprint":'), status: 400, code: "malformed_body" },
  {
    name: "no body",
    options: { headers: { "content-type": "application/json", "content-length": 0 } },
    status: 400,
    code: "malformed_body",
  },
  { name: "neither body nor type", options: { headers: { "content-length": 0 } }, status: 415, code: "unsupported_media_type" },
  {
    name: "another charset",
    options: text({ "content-type": "application/json; charset=utf-16" }),
    status: 415,
    code: "unsupported_media_type",
  },
  {
    name: "latin-1",
    options: text({ "content-type": "application/json; charset=iso-8859-1" }),
    status: 415,
    code: "unsupported_media_type",
  },
  {
    name: "a form",
    options: text({ "content-type": "application/x-www-form-urlencoded" }, "a=1"),
    status: 415,
    code: "unsupported_media_type",
  },
  { name: "plain text", options: text({ "content-type": "text/plain" }), status: 415, code: "unsupported_media_type" },
  { name: "a type that can't be read", options: text({ "content-type": "json" }), status: 415, code: "unsupported_media_type" },
  { name: "a compressed body", options: text({ "content-encoding": "gzip" }), status: 415, code: "unsupported_media_type" },
  { name: "broken UTF-8", options: put(Buffer.from([0x7b, 0xff, 0x7d])), status: 400, code: "malformed_body" },
  {
    name: "a NUL in a parameter",
    options: put('{"blueprint":"a","parameters":{"bucket":"a\\u0000"}}'),
    status: 400,
    code: "invalid_request",
    pointer: "/parameters/bucket",
  },
  { name: "an unknown query parameter", method: "GET", path: "/v1/tenants?page=2", status: 400, code: "invalid_request" },
  { name: "a limit of zero", method: "GET", path: "/v1/tenants?limit=0", status: 400, code: "invalid_request" },
  { name: "a limit of 201", method: "GET", path: "/v1/tenants?limit=201", status: 400, code: "invalid_request" },
  { name: "a limit in hexadecimal", method: "GET", path: "/v1/tenants?limit=0x1", status: 400, code: "invalid_request" },
  { name: "a limit given twice", method: "GET", path: "/v1/tenants?limit=1&limit=2", status: 400, code: "invalid_request" },
  { name: "a limit as an object", method: "GET", path: "/v1/tenants?limit[a]=1", status: 400, code: "invalid_request" },
  { name: "a cursor with quotes", method: "GET", path: "/v1/tenants?cursor=%27%20or%201", status: 400, code: "invalid_request" },
  { name: "an unknown state", method: "GET", path: "/v1/operations?state=done", status: 400, code: "invalid_request" },
  { name: "an after that is negative", method: "GET", path: "/v1/operations/op-1/events?after=-1", status: 400, code: "invalid_request" },
  {
    name: "a Last-Event-ID that is no number",
    method: "GET",
    path: "/v1/operations/op-1/events",
    options: { headers: { accept: "text/event-stream", "last-event-id": "x" } },
    status: 400,
    code: "invalid_request",
  },
  {
    name: "an If-Match of two tags",
    options: { ...put(integrationBodyFixture), headers: { "if-match": '"a", "b"' } },
    status: 400,
    code: "invalid_request",
  },
  {
    name: "a weak If-Match",
    options: { ...put(integrationBodyFixture), headers: { "if-match": 'W/"a"' } },
    status: 400,
    code: "invalid_request",
  },
  {
    name: "an If-Match without quotes",
    options: { ...put(integrationBodyFixture), headers: { "if-match": "abc" } },
    status: 400,
    code: "invalid_request",
  },
  {
    name: "an Idempotency-Key of 256 characters",
    options: { ...put(integrationBodyFixture), headers: { "idempotency-key": "k".repeat(256) } },
    status: 400,
    code: "invalid_request",
  },
  {
    name: "an Idempotency-Key with a space",
    options: { ...put(integrationBodyFixture), headers: { "idempotency-key": "a b" } },
    status: 400,
    code: "invalid_request",
  },
  { name: "a method that the resource doesn't take", method: "PATCH", path: tenant, status: 405, code: "method_not_allowed" },
  { name: "a POST to a list", method: "POST", path: "/v1/tenants", options: put({}), status: 405, code: "method_not_allowed" },
  { name: "a path that no route has", method: "GET", path: "/v1/tenant", status: 404, code: "not_found" },
  { name: "a path in another case", method: "GET", path: "/V1/tenants", status: 404, code: "not_found" },
];

for (const refusal of refusals) {
  test(`${refusal.name} is refused with ${refusal.status} ${refusal.code}`, async () => {
    const before = await service.footprint();
    const reply = await service.call(refusal.method ?? "PUT", refusal.path ?? integration, refusal.options);
    assert.equal(reply.status, refusal.status, reply.text);
    assert.equal(reply.headers["content-type"], "application/problem+json; charset=utf-8");
    assert.equal(reply.json.code, refusal.code);
    assert.equal(reply.json.status, refusal.status);
    assert.equal(reply.json.pointer, refusal.pointer);
    assert.equal(reply.json.requestId, reply.headers["x-request-id"]);
    assert.deepEqual(await service.footprint(), before, "the refused request recorded something");
    assert.doesNotMatch(reply.text, /node_modules|\.ts:|at \w+ \(/);
  });
}

test("the service still works after all these requests", async () => {
  assert.equal((await service.call("GET", "/healthz")).status, 200);
  assert.equal((await service.call("PUT", `${integration}-new`, { body: integrationBodyFixture })).status, 202);
  assert.equal(({} as Record<string, unknown>)["x"], undefined, "a request changed a prototype");
});

test("a charset of UTF-8 is accepted in any spelling", async () => {
  for (const charset of ["utf-8", "UTF-8", '"utf-8"', "utf8"]) {
    const reply = await service.call("PUT", `${integration}-new`, {
      body: integrationBodyFixture,
      headers: { "content-type": `application/json; charset=${charset}` },
    });
    assert.equal(reply.status, 202, charset);
  }
});

test("a refusal lists every fault of the body, but at most twenty", async () => {
  const two = await service.call("PUT", tenant, tenantWith({ accountId: 1, region: "x", extra: 1 }));
  const pointers = (two.json.errors as unknown as { pointer: string }[]).map((fault) => fault.pointer);
  assert.deepEqual(pointers.sort(), ["/accountId", "/extra", "/region"]);
  const many = await service.call("PUT", tenant, { body: Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`f${at}`, 1])) });
  assert.equal(many.json.errors?.length as unknown, 20);
});

test("a refusal never repeats the values that were sent", async () => {
  const reply = await service.call(
    "PUT",
    tenant,
    tenantWith({ accountId: "canary-7f3a", access: { mode: "canary-7f3a" }, region: "canary-7f3a" }),
  );
  assert.doesNotMatch(reply.text, /canary-7f3a/);
});

test("a body of exactly 64 KiB is read", async () => {
  const frame = JSON.stringify({ ...integrationBodyFixture, parameters: { bucket: "acme-data", x: "" } }).length;
  const body = { ...integrationBodyFixture, parameters: { bucket: "acme-data", x: "y".repeat(64 * 1024 - frame) } };
  assert.equal((await service.call("PUT", integration, { body })).json.pointer, "/parameters/x", "it was read; x isn't a parameter");
  const larger = { ...integrationBodyFixture, parameters: { bucket: "acme-data", x: "y".repeat(64 * 1024 - frame + 1) } };
  assert.equal((await service.call("PUT", integration, { body: larger })).status, 413);
});

test("a 405 lists the methods that the resource accepts", async () => {
  const reply = await service.call("PATCH", tenant);
  assert.equal(reply.headers.allow, "PUT, GET, DELETE, HEAD");
});
