import assert from "node:assert/strict";
import { test } from "node:test";
import { asSvg, asText, spansOf } from "../../bench/waterfall.ts";

const at = (milliseconds: number) => new Date(1_000_000 + milliseconds).toISOString();
const event = (milliseconds: number, type: string, data: Record<string, unknown>, seq = milliseconds) => ({
  seq,
  at: at(milliseconds),
  type,
  data,
});
const passed = (milliseconds: number, took: number) => ({
  kind: "GET",
  at: 1_000_000 + milliseconds,
  milliseconds: took,
  status: 200,
  sent: 0,
  received: 1,
});

const spans = spansOf({
  createdAt: 1_000_000,
  events: [
    event(0, "state", { state: "queued" }),
    event(30, "state", { state: "running" }),
    event(40, "step-started", { name: "update-stacks" }),
    event(700, "step", { op: "create" }),
    event(900, "step-done", { name: "update-stacks" }),
    event(950, "step-started", { name: "prove" }),
    event(990, "step-done", { name: "prove" }),
    event(1000, "state", { state: "succeeded" }),
  ],
  // The first is the preflight's: outside the update.
  state: [passed(10, 5), passed(300, 20), passed(310, 20), passed(600, 10)],
  aws: [],
  plugins: [{ began: 1_000_350, ended: 1_000_880 }],
  cliStart: 1_000_200,
});
const span = (name: string) => spans.find((one) => one.name.trim() === name);

test("The spans come from events, log, plugin and proxies, and overlapping requests count once", () => {
  assert.deepEqual([span("queue")?.to, span("prove")?.from, span("whole")?.to], [30, 950, 1000]);
  assert.deepEqual([span("CLI start to its first S3 request")?.from, span("CLI start to its first S3 request")?.to], [200, 300]);
  assert.deepEqual([span("S3 (state)")?.from, span("S3 (state)")?.to, span("S3 (state)")?.busy], [300, 610, 40]);
  assert.equal(span("AWS, by plugin"), undefined);
});

test("Each span is a line of text and a bar of the drawing", () => {
  assert.equal(asText(spans).split("\n").length, spans.length);
  assert.match(asText(spans), /^queue +\|██ +\| 30 ms$/m);
  assert.equal(asSvg(spans).match(/<rect /g)?.length, spans.length + 1);
});
