import assert from "node:assert/strict";
import { test } from "node:test";
import type { Caller } from "../../src/model/caller.ts";
import { maySee } from "../../src/operations/visible.ts";

const caller = (subject: string, tenants: Caller["tenants"]): Caller => ({
  subject,
  tenants,
  scopes: ["read"],
  credential: { kind: "admin" as const },
});
const reconcile = (tenants?: "*" | string[]) => ({ kind: "reconcile" as const, requestedBy: "ci", request: tenants ? { tenants } : {} });

test("a caller sees a tenant's operation if it holds the tenant", () => {
  const up = { kind: "up" as const, tenant: "acme", requestedBy: "ci", request: {} };
  assert.equal(maySee(caller("other", ["acme"]), up), true);
  assert.equal(maySee(caller("ci", ["globex"]), up), false);
});

test("the sender of a reconcile sees it while it holds every tenant that the reconcile was sent for", () => {
  const both = reconcile(["acme", "globex"]);
  assert.equal(maySee(caller("ci", ["globex", "acme", "more"]), both), true);
  assert.equal(maySee(caller("ci", ["acme"]), both), false, "another key of the same subject");
  assert.equal(maySee(caller("other", ["acme", "globex"]), both), false);
  assert.equal(maySee(caller("other", "*"), both), true);
  for (const unbounded of [reconcile("*"), reconcile()]) {
    assert.equal(maySee(caller("ci", ["acme"]), unbounded), false);
    assert.equal(maySee(caller("ci", "*"), unbounded), true);
  }
});

test("an operation without a tenant that isn't a reconcile is seen only by callers that hold every tenant", () => {
  const revoke = { kind: "revoke" as const, requestedBy: "ci", request: {} };
  assert.equal(maySee(caller("ci", ["acme"]), revoke), false);
  assert.equal(maySee(caller("ci", "*"), revoke), true);
});
