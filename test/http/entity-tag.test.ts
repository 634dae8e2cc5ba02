import assert from "node:assert/strict";
import test from "node:test";
import { tenantBodyFixture } from "./bodies.ts";
import { start } from "./support.ts";

test("a create needs no tag, a change needs the current tag, and a stale tag is refused", async () => {
  const service = await start();
  const put = (tags: Record<string, string>, ifMatch?: string) =>
    service.call("PUT", "/v1/tenants/acme", { body: { ...tenantBodyFixture, tags }, ...(ifMatch && { headers: { "if-match": ifMatch } }) });
  const created = await put({ a: "1" });
  assert.equal(created.status, 201);
  const first = created.headers.etag ?? "";
  assert.match(first, /^"[^"]+"$/);
  assert.equal((await put({ a: "1" })).status, 200);

  const blind = await put({ a: "2" });
  assert.equal(blind.status, 428);
  assert.equal(blind.json.code, "precondition_required");

  const read = await service.call("GET", "/v1/tenants/acme");
  assert.equal(read.headers.etag, first);
  const changed = await put({ a: "2" }, first);
  assert.equal(changed.status, 200);
  assert.notEqual(changed.headers.etag, first);

  const stale = await put({ a: "3" }, first);
  assert.equal(stale.status, 412);
  assert.equal(stale.json.code, "precondition_failed");
  assert.deepEqual((await service.call("GET", "/v1/tenants/acme")).json.tags, { a: "2" });
  await service.close();
});
