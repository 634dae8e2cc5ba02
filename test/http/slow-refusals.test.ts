import assert from "node:assert/strict";
import { test } from "node:test";
import { slowRefusals } from "../../src/http/server/slow-refusals.ts";

test("a refusal waits; at most `most` refusals wait at once, and another may wait when one was answered", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const slowly = slowRefusals({ hold: 250, most: 2 });
  const answered: number[] = [];
  for (const n of [1, 2, 3]) slowly(() => answered.push(n));
  assert.deepEqual(answered, [3]);
  t.mock.timers.tick(249);
  assert.deepEqual(answered, [3]);
  t.mock.timers.tick(1);
  assert.deepEqual(answered, [3, 1, 2]);
  slowly(() => answered.push(4));
  assert.deepEqual(answered, [3, 1, 2]);
  t.mock.timers.tick(250);
  assert.deepEqual(answered, [3, 1, 2, 4]);
});
