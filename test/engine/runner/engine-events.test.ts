import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineEvent, OpType, StepEventMetadata } from "@pulumi/pulumi/automation/index.js";
import type { StepEvent } from "../../../src/engine/engine.ts";
import { readEvents, toStep } from "../../../src/engine/runner/engine-events.ts";

const metadata = (op: OpType, more: Partial<StepEventMetadata> = {}): StepEventMetadata => ({
  op,
  urn: "urn:pulumi:s::p::aws:iam/role:Role::role",
  type: "aws:iam/role:Role",
  provider: "",
  ...more,
});
const stackType = { type: "pulumi:pulumi:Stack", urn: "urn:pulumi:s::p::pulumi:pulumi:Stack::s" };

function read(...events: Partial<EngineEvent>[]) {
  const told: StepEvent[] = [];
  const reader = readEvents((step) => told.push(step));
  for (const [sequence, event] of events.entries()) reader.onEvent({ timestamp: 0, sequence, ...event });
  return { reader, told };
}

test("a step names only the properties that differ, never a value", () => {
  const state = { type: "t", urn: "u", id: "i", parent: "", provider: "", inputs: { assumeRolePolicy: "an external id" }, outputs: {} };
  const detailedDiff = {
    "tags.Team": { diffKind: "add" as never, inputDiff: true },
    assumeRolePolicy: { diffKind: "update" as never, inputDiff: true },
  };
  const step = toStep(metadata("update", { detailedDiff, old: state, new: state }), "done");
  assert.deepEqual(step?.differs, ["assumeRolePolicy", "tags.Team"]);
  assert.ok(!JSON.stringify(step).includes("external id"));
});

test("Pulumi's own bookkeeping isn't a step", () => {
  assert.equal(toStep(metadata("create", stackType), "done"), undefined);
  assert.equal(toStep(metadata("create", { type: "pulumi:providers:aws" }), "done"), undefined);
});

test("an event that arrives twice counts once", () => {
  const reader = readEvents(() => {});
  const event: EngineEvent = { sequence: 7, timestamp: 0, resOutputsEvent: { metadata: metadata("create") } };
  reader.onEvent(event);
  reader.onEvent(event);
  assert.deepEqual(reader.result(1).changes, { create: 1 });
});

test("a replacement is one change, reported once", () => {
  const { reader, told } = read(
    ...(["delete-replaced", "replace", "create-replacement"] as OpType[]).map((op) => ({ resOutputsEvent: { metadata: metadata(op) } })),
  );
  assert.deepEqual(reader.result(1).changes, { replace: 1 });
  assert.equal(told.length, 1);
});

test("resources that stay the same are counted but not reported", () => {
  const { reader, told } = read({ resOutputsEvent: { metadata: metadata("same") } });
  assert.deepEqual(told, []);
  assert.deepEqual(reader.result(1), { outputs: {}, changes: { same: 1 }, steps: [], duration: 1 });
});

test("a failed step is reported as failed", () => {
  const { told } = read({ resOpFailedEvent: { metadata: metadata("create"), status: 0, steps: 0 } });
  assert.deepEqual(
    told.map(({ op, phase }) => [op, phase]),
    [["create", "failed"]],
  );
});

test("outputs are those of the stack, without values that a preview doesn't know yet", () => {
  const outputs = { roleName: "R", roleArn: "04da6b54-80e4-46f7-96ec-b56ff0331ba9" };
  const state = { ...stackType, id: "", parent: "", provider: "", inputs: {}, outputs };
  const { reader } = read({ resOutputsEvent: { planning: true, metadata: metadata("create", { ...stackType, new: state }) } });
  assert.deepEqual(reader.result(1).outputs, { roleName: "R" });
});

test("only the summary shows that the engine reached its end; only errors are diagnostics", () => {
  const summary = { maybeCorrupt: false, durationSeconds: 1, resourceChanges: {}, policyPacks: {} };
  const line = (severity: "error" | "warning") => ({ diagnosticEvent: { message: severity, color: "never", severity } });
  assert.equal(read(line("error")).reader.summarised(), false);
  const { reader } = read(line("warning"), line("error"), { summaryEvent: summary });
  assert.equal(reader.summarised(), true);
  assert.deepEqual(reader.diagnostics, ["error"]);
});
