import assert from "node:assert/strict";
import { test } from "node:test";
import type { Caller } from "../../src/model/caller.ts";
import { maySee } from "../../src/operations/visible.ts";

const caller = (subject: string, tenants: Caller["tenants"]): Caller => ({ subject, tenants, scopes: ["read"] });
const reconcile = (tenants?: "*" | string[]) => ({ kind: "reconcile" as const, requestedBy: "ci", request: tenants ? { tenants } : {} });

test("an operation of a tenant is seen by who holds the tenant", () => {
  const up = { kind: "up" as const, tenant: "acme", requestedBy: "ci", request: {} };
  assert.equal(maySee(caller("other", ["acme"]), up), true);
  assert.equal(maySee(caller("ci", ["globex"]), up), false);
});

test("a reconcile is seen by its sender, while they hold all that it was sent for", () => {
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

test("what is of no tenant and is no reconcile is seen by who holds every tenant", () => {
  const revoke = { kind: "revoke" as const, requestedBy: "ci", request: {} };
  assert.equal(maySee(caller("ci", ["acme"]), revoke), false);
  assert.equal(maySee(caller("ci", "*"), revoke), true);
});
