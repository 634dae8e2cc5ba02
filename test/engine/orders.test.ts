import assert from "node:assert/strict";
import { test } from "node:test";
import type { StackState, UpdateAction, UpdateRequest } from "../../src/engine/engine.ts";
import { runsFor, together } from "../../src/engine/orders.ts";
import type { RunOrder } from "../../src/engine/runner/runner-protocol.ts";
import type { StackSpec } from "../../stacks/stack.ts";

const key = { kind: "kms-key", key: "k", inputs: { adoptKeyId: "retained-id" } } as unknown as StackSpec;
const role = { kind: "role", key: "r", inputs: {} } as unknown as StackSpec;
const empty: StackState = { resources: [], pendingOperations: [] };
const pending: StackState = {
  resources: [],
  pendingOperations: [{ name: "role", type: "aws:iam/role:Role", operation: "creating", physicalName: "R" }],
};

/** The runs in order: the action, the resources that it takes in, and whether it drops pending creates. */
function runs(spec: StackSpec, action: UpdateAction, state: StackState | undefined, adopt?: Record<string, string>) {
  const order = { action, spec, place: {}, refresh: true } as RunOrder;
  const request = { spec, ...(adopt ? { adopt } : {}) } as UpdateRequest;
  return runsFor(order, request, state).map((run) =>
    [run.action, run.place.adopt, run.clearPendingCreates].filter((part) => part !== undefined),
  );
}

test("an update is one run", () => {
  for (const action of ["up", "preview", "refresh", "destroy"] as const) assert.deepEqual(runs(role, action, empty), [[action]]);
});

test("a separate run before the update takes a retained key in; a preview does it in the same run", () => {
  assert.deepEqual(runs(key, "up", undefined), [["up", { key: "retained-id" }], ["up"]]);
  assert.deepEqual(runs(key, "preview", empty), [["preview", { key: "retained-id" }]]);
});

test("a key in state isn't taken in again, and a destroy takes in no retained key", () => {
  assert.deepEqual(runs(key, "up", { ...empty, resources: [{ name: "key", type: "aws:kms/key:Key", id: "retained-id" }] }), [["up"]]);
  assert.deepEqual(runs(key, "destroy", empty), [["destroy"]]);
});

test("resources of an interrupted run are taken in before pending creates are dropped, also for a destroy", () => {
  for (const action of ["up", "destroy"] as const)
    assert.deepEqual(runs(role, action, pending, { role: "R" }), [["up", { role: "R" }], ["refresh", true], [action]]);
});

test("a pending create whose resource wasn't found is dropped", () => {
  assert.deepEqual(runs(role, "up", pending), [["refresh", true], ["up"]]);
});

test("several runs have one result: the outputs of the last run, the steps of all", () => {
  const step = { urn: "u", type: "t", op: "create", phase: "done" } as const;
  const first = { outputs: { a: 1 }, changes: { import: 1 }, steps: [step], duration: 5 };
  const last = { outputs: { a: 2 }, changes: { same: 1 }, steps: [{ ...step, urn: "v" }], duration: 7 };
  assert.deepEqual(together([first, last]), {
    outputs: { a: 2 },
    changes: { same: 1 },
    steps: [step, { ...step, urn: "v" }],
    duration: 12,
  });
});
