import assert from "node:assert/strict";
import { test } from "node:test";
import { postgres } from "../store/backends.ts";
import { readCounts, readPage, withTable } from "./counts.ts";
import { contend } from "./leases.ts";
import { seeded } from "./random.ts";
import { faultFor } from "./rates.ts";
import { stealMany } from "./steals.ts";

const skip = postgres === undefined && "needs DATABASE_URL";

test("exactly one of four processes gets a lease that all request at once, fifty times", { skip }, async () => {
  const { wrong, lost } = await contend(50, 4);
  assert.deepEqual(wrong, []);
  assert.equal(lost, 150);
});

test("an owner whose lease is stolen while it writes leaves no stale event, record or end, fifty times", { skip }, async () => {
  const { wrong, refused } = await stealMany(50, 7);
  assert.deepEqual(wrong, []);
  assert.ok(refused >= 250, `${refused} stale writes were refused`);
});

test("a rate of faults is kept, and the same seed gives the same faults", () => {
  const call = { number: 1, service: "iam", name: "GetRole", writes: false };
  const faults = (seed: number) => {
    const random = seeded(seed);
    return Array.from({ length: 2_000 }, () => faultFor(call, random, 0.05, () => {}));
  };
  const hit = faults(3).filter((fault) => fault !== undefined).length;
  assert.ok(hit > 60 && hit < 140, `${hit} of 2,000`);
  assert.deepEqual(faults(3), faults(3));
});

test("the table in docs/reliability.md has the counts", async () => {
  const page = await readPage();
  assert.equal(page, withTable(page, await readCounts()));
});
