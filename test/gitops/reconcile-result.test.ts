import assert from "node:assert/strict";
import { test } from "node:test";
import type { Step } from "../../src/gitops/reconcile-items.ts";
import { incompleteness, refusedAsWhole, resultOf } from "../../src/gitops/reconcile-result.ts";

const step = (name: string, more: Partial<Step> = {}): Step => ({
  kind: "Integration",
  tenant: "acme",
  name,
  outcome: "unchanged",
  ...more,
});
const many = (number: number, more: Partial<Step> = {}) => Array.from({ length: number }, (_, index) => step(`i${index}`, more));
const result = (steps: Step[]) =>
  resultOf({ source: "s", revision: "r", dryRun: false, steps }) as { items: Step[]; unlisted?: number; summary: object };

test("up to a thousand items stand in their own order, without what it took to apply them", () => {
  const { items, unlisted } = result([step("b", { ifMatch: "tag" }), step("a", { outcome: "refused" })]);
  assert.deepEqual(
    items.map(({ name }) => name),
    ["b", "a"],
  );
  assert.ok(!("ifMatch" in (items[0] ?? {})));
  assert.equal(unlisted, undefined);
});

test("of five thousand a thousand are listed, failures and refusals first, and all are counted", () => {
  const steps = [...many(4_998), step("refused", { outcome: "refused" }), step("broken", { outcome: "added", state: "failed" })];
  const { items, unlisted, summary } = result(steps);
  assert.equal(items.length, 1_000);
  assert.deepEqual(
    items.slice(0, 2).map(({ name }) => name),
    ["broken", "refused"],
  );
  assert.equal(unlisted, 4_000);
  assert.deepEqual(summary, { added: 1, changed: 0, unchanged: 4_998, pruned: 0, kept: 0, refused: 1 });
});

test("the largest result stays small", () => {
  const steps = many(5_000, {
    outcome: "refused",
    code: "invalid_parameters",
    reason: "x".repeat(100_000),
    pointer: "/spec/parameters/bucket",
  });
  assert.ok(JSON.stringify(result(steps)).length < 1024 * 1024);
});

test("what wasn't done is said in counts", () => {
  assert.equal(incompleteness(many(3)), undefined);
  const one = incompleteness([step("a", { outcome: "refused" }), step("b", { outcome: "added", state: "failed" }), step("c")]);
  assert.match(one?.problem.detail ?? "", /^Of 3 in all, 1 manifest was refused and 1 operation was not successful\./);
  assert.match(refusedAsWhole(many(2, { outcome: "refused" })).problem.detail, /^2 manifests were refused, so nothing was changed/);
});
