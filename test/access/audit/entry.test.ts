import assert from "node:assert/strict";
import test from "node:test";
import { type AuditRow, chain, firstHead, follow } from "../../../src/model/audit-entry.ts";

function rows(count: number): AuditRow[] {
  const made: AuditRow[] = [];
  let head = firstHead;
  for (let n = 1; n <= count; n++) {
    const row = chain(head, { id: `id-${n}`, at: "2026-11-22T00:00:00.000Z", phase: "intent", action: "operation:up", subject: `s${n}` });
    made.push(row);
    head = { seq: row.entry.seq, hash: row.hash };
  }
  return made;
}

test("a whole chain is followed to its head, also from the middle", () => {
  const all = rows(20);
  const last = all.at(-1);
  assert.deepEqual(follow(all), { head: { seq: 20, hash: last?.hash } });
  const ninth = all[8];
  assert.ok(ninth);
  assert.deepEqual(follow(all.slice(9), { seq: 9, hash: ninth.hash }), { head: { seq: 20, hash: last?.hash } });
});

test("each row that is changed, removed or swapped is found where it stands", () => {
  for (let at = 1; at < 20; at++) {
    const changed = rows(20);
    const row = changed[at - 1];
    assert.ok(row);
    changed[at - 1] = { ...row, entry: { ...row.entry, subject: "somebody-else" } };
    assert.deepEqual(follow(changed), { at, fault: `row ${at} was changed after it was written` });

    const removed = rows(20).toSpliced(at - 1, 1);
    assert.equal((follow(removed) as { at: number }).at, at);

    const swapped = rows(20);
    const [one, other] = [swapped[at - 1], swapped[at]];
    assert.ok(one && other);
    swapped[at - 1] = other;
    swapped[at] = one;
    assert.equal((follow(swapped) as { at: number }).at, at);
  }
});

test("a row that was changed and hashed anew breaks the row after it", () => {
  const forged = rows(20);
  const before = forged[8];
  const old = forged[9];
  assert.ok(before && old);
  forged[9] = chain({ seq: 9, hash: before.hash }, { ...old.entry, subject: "somebody-else" });
  assert.deepEqual(follow(forged), { at: 11, fault: "row 11 doesn't follow the row before it" });
});

test("a forged row can't be hidden by pointing the next one at it: every row after it would have to be hashed anew, up to the head", () => {
  const forged = rows(20);
  const before = forged[8];
  const old = forged[9];
  const next = forged[10];
  assert.ok(before && old && next);
  const row = chain({ seq: 9, hash: before.hash }, { ...old.entry, subject: "somebody-else" });
  forged[9] = row;
  forged[10] = { ...next, previous: row.hash };
  assert.deepEqual(follow(forged), { at: 11, fault: "row 11 was changed after it was written" });
});
