import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { z } from "zod";
import { defineRoute } from "../../src/http/server/route.ts";
import { ProblemError } from "../../src/problem.ts";
import { integrationBodyFixture } from "./bodies.ts";
import type { CallOptions } from "./call.ts";
import { beside, type Running, startSeeded } from "./support.ts";

let service: Running;
before(async () => {
  service = await startSeeded();
});
after(() => service.close());

const c1 = "/v1/tenants/acme/integrations/c2";
const slow = "/v1/tenants/acme/slow";
/** A route that runs the work that the test gives. */
const routeOf = (work: () => Promise<void>) =>
  defineRoute({
    method: "post",
    path: slow,
    scope: "write",
    tag: "System",
    summary: "Slow",
    body: z.strictObject({}),
    responses: { 202: { what: "Done", schema: z.object({}) } },
  })(async () => {
    await work();
    return { status: 202, body: {} };
  });
const once = (key: string): CallOptions => ({ body: {}, headers: { "idempotency-key": key } });
const under = (key: string, more: CallOptions = {}): CallOptions => ({
  body: integrationBodyFixture,
  headers: { "idempotency-key": key },
  ...more,
});

test("a request that is sent twice with the same key is done once, and gets the same answer twice", async () => {
  const asked = service.enqueued.length;
  const first = await service.call("PUT", c1, under("k-1"));
  const second = await service.call("PUT", c1, under("k-1"));
  assert.equal(service.enqueued.length, asked + 1);
  assert.equal(first.headers["idempotency-replayed"], undefined);
  assert.equal(second.headers["idempotency-replayed"], "true");
  for (const same of ["etag", "location", "content-type"]) assert.equal(second.headers[same], first.headers[same], same);
  assert.equal(second.status, 202);
  assert.deepEqual(second.json, first.json);
  assert.notEqual(second.headers["x-request-id"], first.headers["x-request-id"]);
});

test("an answer without a body is repeated without a body", async () => {
  const options = { headers: { "idempotency-key": "k-delete" } };
  await service.call("DELETE", "/v1/tenants/empty", options);
  const again = await service.call("DELETE", "/v1/tenants/empty", options);
  assert.equal(again.status, 204);
  assert.equal(again.text, "");
});

test("a used key with another body, or for another resource, is refused", async () => {
  await service.call("PUT", c1, under("k-2"));
  const body = { ...integrationBodyFixture, parameters: { bucket: "other" } };
  const other = await service.call("PUT", c1, under("k-2", { body }));
  assert.equal(other.status, 422);
  assert.equal(other.json.code, "idempotency_key_reused");
  assert.equal((await service.call("PUT", "/v1/tenants/acme/integrations/c3", under("k-2"))).status, 422);
});

test("two callers, and two routes, can use equal keys", async () => {
  await service.call("PUT", c1, under("k-3"));
  const another = await service.call("PUT", c1, under("k-3", { token: "acme-token" }));
  assert.equal(another.headers["idempotency-replayed"], undefined);
  assert.equal((await service.call("POST", `${c1}/preview`, under("k-3"))).headers["idempotency-replayed"], undefined);
});

test("a used key gives no access to another caller's tenant", async () => {
  await service.call("PUT", c1, under("k-4"));
  assert.equal((await service.call("PUT", c1, under("k-4", { token: "beta-token" }))).status, 404);
});

test("a second request with the key of a running one is told to wait", async () => {
  let go: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  let begun: () => void = () => undefined;
  const running = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const waiting = await beside(service, {
    routes: [
      routeOf(async () => {
        begun();
        await gate;
      }),
    ],
  });
  const first = waiting.call("POST", slow, once("k-5"));
  await running;
  const second = await waiting.call("POST", slow, once("k-5"));
  assert.equal(second.status, 409);
  assert.equal(second.json.code, "idempotency_in_flight");
  go();
  assert.equal((await first).status, 202);
  assert.equal((await waiting.call("POST", slow, once("k-5"))).headers["idempotency-replayed"], "true");
  await waiting.close();
});

test("after a refusal or a fault the key can be used again", async () => {
  const faults = [new ProblemError("guardrail", "Too broad."), new Error("boom")];
  const flaky = await beside(service, {
    routes: [
      routeOf(async () => {
        const fault = faults.shift();
        if (fault) throw fault;
      }),
    ],
  });
  const statuses = [];
  for (let attempt = 0; attempt < 3; attempt++) statuses.push((await flaky.call("POST", slow, once("k-6"))).status);
  assert.deepEqual(statuses, [422, 500, 202]);
  await flaky.close();
});

test("a malformed body leaves the key unused", async () => {
  assert.equal((await service.call("PUT", c1, under("k-7", { body: "{" }))).status, 400);
  assert.equal((await service.call("PUT", c1, under("k-7", { body: { blueprint: 7 } }))).status, 400);
  assert.equal((await service.call("PUT", c1, under("k-7"))).status, 202);
});
