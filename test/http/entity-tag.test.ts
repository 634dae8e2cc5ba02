import assert from "node:assert/strict";
import test from "node:test";
import type { Services } from "../../src/http/services.ts";
import type { TenantBody } from "../../src/model/tenant.ts";
import { ProblemError } from "../../src/problem.ts";
import { start, tenantBodyFixture, tenantFixture } from "./support.ts";

/** A tenant store that keeps one body and the rules of docs/spec/tenants.md for its tag. */
function oneTenant(): Pick<Services, "putTenant" | "getTenant"> {
  let stored: TenantBody | undefined;
  let version = 0;
  const view = () => ({ tenant: { ...tenantFixture, ...stored, tags: stored?.tags ?? {} }, etag: `v${version}` });
  return {
    putTenant: async (_caller, _name, body, { ifMatch }) => {
      if (ifMatch !== undefined && ifMatch !== `v${version}`) throw new ProblemError("precondition_failed", "Read it again.");
      const created = stored === undefined;
      const same = JSON.stringify(stored) === JSON.stringify(body);
      if (!created && !same && ifMatch === undefined) throw new ProblemError("precondition_required", "Send If-Match.");
      if (!same) version++;
      stored = body;
      return { created, ...view() };
    },
    getTenant: async () => view(),
  };
}

test("a create needs no tag, a change needs the one that was read, and a stale one is refused", async () => {
  const service = await start(oneTenant());
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
