import assert from "node:assert/strict";
import { test } from "node:test";
import { repairHeld } from "../../src/drift/drift-repair.ts";
import type { DriftRecord } from "../../src/model/drift.ts";

const at = (minutes: number) => new Date(Date.UTC(2026, 10, 22) + minutes * 60_000).toISOString();
const found = (minutes: number, more: Partial<DriftRecord> = {}): DriftRecord => ({
  verdict: "found",
  access: "wider",
  differences: [{ stack: "role/c1", document: "inline/Sneaky", what: "added", words: "Inline policy Sneaky was added." }],
  fingerprint: "sneaky",
  at: at(minutes),
  operation: "o-2",
  ...more,
});
const held = (drift: DriftRecord, { asked = false, paused = false } = {}) => repairHeld({ drift, asked, paused });
const repaired = (fingerprint: string) => ({ remediation: { operation: "o-1", at: at(0), fingerprint } });
const DAY = 24 * 60;

test("a first drift is repaired at once", () => {
  assert.equal(held(found(0)), undefined);
});

test("another drift within 15 minutes of a repair waits for the next sweep, and is repaired then", () => {
  assert.match(held(found(14, repaired("another")))?.why ?? "", /minutes ago/);
  assert.equal(held(found(15, repaired("another"))), undefined);
});

test("the same drift within a week of its repair is contested, however late, and counted", () => {
  for (const minutes of [1, 16, 6 * DAY]) {
    const one = held(found(minutes, repaired("sneaky")));
    assert.match(one?.why ?? "", /came back/);
    assert.deepEqual(one?.contested, { since: at(minutes), times: 1 });
  }
  const again = held(found(40, { ...repaired("sneaky"), contested: { since: at(20), times: 3 } }));
  assert.deepEqual(again?.contested, { since: at(20), times: 4 });
});

test("after a week the same drift is a new one", () => {
  assert.equal(held(found(7 * DAY, repaired("sneaky"))), undefined);
});

test("what is asked for is repaired through every limit but a pause", () => {
  assert.equal(held(found(1, repaired("sneaky")), { asked: true }), undefined);
  assert.equal(held(found(1), { asked: true, paused: true })?.why, "It is paused.");
});

test("what only a bucket's owner can repair is left to them, asked or not", () => {
  const differences = [{ stack: "bucket/data", document: "encryption", what: "changed" as const, words: "…" }];
  assert.match(held(found(0, { differences }), { asked: true })?.why ?? "", /owner/);
});
