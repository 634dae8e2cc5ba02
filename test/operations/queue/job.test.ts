import assert from "node:assert/strict";
import { test } from "node:test";
import { laneOf, lanes, queueKey } from "../../../src/operations/queue/job.ts";

const revocation = (to: "revoked" | "reinstated") => queueKey({ id: "an-id", kind: "revoke", request: { vendor: "infosum", to } });

test("a reinstatement waits in the lane of parents, so that a revocation gets a worker", () => {
  assert.equal(laneOf(revocation("revoked")), lanes.urgent);
  assert.equal(laneOf(revocation("reinstated")), lanes.parents);
  assert.equal(laneOf(queueKey({ id: "an-id", kind: "reconcile" })), lanes.parents);
  assert.equal(laneOf(queueKey({ id: "an-id", kind: "up", tenant: "acme", integration: "c1" })), lanes.operations);
});
