import assert from "node:assert/strict";
import { test } from "node:test";
import { table, withFigures } from "../../bench/report.ts";
import { compare, meets } from "../../bench/result.ts";

const result = compare({
  name: "create",
  title: "create",
  unit: "ms",
  against: "stock sequence",
  target: { of: "ratio", atMost: 0.4 },
  ours: [900, 1100, 1000],
  baseline: [2000, 2600, 2500],
});

test("A ratio is that of the medians, and is held against its target", () => {
  assert.equal(result.ratio, 0.4);
  assert.equal(meets(result), true);
  assert.equal(meets({ ...result, target: { of: "ratio", atMost: 0.39 } }), false);
  assert.equal(meets({ ...result, target: { of: "median", atLeast: 1001 } }), false);
  const { target: _target, ...free } = result;
  assert.equal(meets(free), undefined);
});

test("A missed target is said to be missed in the table", () => {
  assert.match(
    table([result]),
    /\| create \| 1,000 ms \(900 – 1,100\) \| 2,500 ms \(2,000 – 2,600\): stock sequence \| 0\.4 \|.*\| met \|/,
  );
  assert.match(table([{ ...result, target: { of: "ratio", atMost: 0.1 } }]), /\*\*missed\*\*/);
});

test("Only the figures of the document are replaced", () => {
  const document = "before\n<!-- figures: written by npm run bench -->\nold\n<!-- end of figures -->\nafter\n";
  const written = withFigures(document, { results: [result], machine: ["2 cores"] });
  assert.match(written, /^before\n[\s\S]*- 2 cores[\s\S]*\| create \|[\s\S]*\nafter\n$/);
  assert.doesNotMatch(written, /old/);
  assert.throws(() => withFigures("no place", { results: [], machine: [] }));
});
