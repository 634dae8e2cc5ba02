import assert from "node:assert/strict";
import { test } from "node:test";
import { readCliSpans } from "../../src/engine/cli-spans.ts";

const span = (spanId: string, parentSpanId: string, name: string, more: object = {}) => {
  return { traceId: "0".repeat(32), spanId, parentSpanId, name, kind: 1, startTimeUnixNano: "1", endTimeUnixNano: "2", ...more };
};
const line = (...spans: object[]) => JSON.stringify({ resourceSpans: [{ resource: {}, scopeSpans: [{ scope: { name: "x" }, spans }] }] });
const [root, plan, call, blob] = ["a", "b", "c", "d"].map((digit) => digit.repeat(16)) as [string, string, string, string];

test("known spans get our names, unknown spans are left out, and their children get the nearest known span as parent", () => {
  const text = [
    line(span(root, "", "pulumi"), span(plan, root, "something new")),
    line(span(call, plan, "pulumirpc.ResourceProvider/Create"), span(blob, root, "gocloud.dev/blob.NewWriter")),
  ].join("\n");
  const times = { from: "1", to: "2" };
  assert.deepEqual(readCliSpans(text), [
    { id: root, name: "cli", ...times },
    { id: call, name: "plugin Create", ...times, parent: root },
    { id: blob, name: "state PUT", ...times, parent: root },
  ]);
});

test("no attribute, event or text of the CLI is kept", () => {
  const attributes = [{ key: "gocdk_error", value: { stringValue: 'blob (key "secret-key")' } }];
  const told = readCliSpans(line(span(root, "", "gocloud.dev/blob.Copy", { attributes, status: { message: "secret-key" } })));
  assert.deepEqual(told, [{ id: root, name: "state COPY", from: "1", to: "2" }]);
});

test("a cycle of parents ends the search", () => {
  const text = line(span(root, plan, "one"), span(plan, root, "two"), span(call, plan, "pulumirpc.ResourceProvider/Read"));
  assert.deepEqual(readCliSpans(text), [{ id: call, name: "plugin Read", from: "1", to: "2" }]);
});

test("a line that a killed CLI left unfinished is skipped, and the others are read", () => {
  const good = line(span(root, "", "pulumi"));
  assert.equal(readCliSpans(`${good}\n${good.slice(0, 60)}`).length, 1);
  assert.deepEqual(readCliSpans(""), []);
  assert.deepEqual(readCliSpans(line(span("not hex", "", "pulumi"))), []);
});
