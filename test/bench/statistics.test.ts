import assert from "node:assert/strict";
import { test } from "node:test";
import { median, percentile, slope, spread } from "../../bench/statistics.ts";

test("The median is the middle one, or the mean of the two in the middle, in whatever order they come", () => {
  assert.equal(median([5, 1, 9]), 5);
  assert.equal(median([4, 1, 3, 100]), 3.5);
  assert.ok(Number.isNaN(median([])));
});

test("A percentile is a value of the series that so many don't exceed", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.equal(percentile(hundred, 0.99), 99);
  assert.equal(percentile(hundred, 1), 100);
  assert.equal(percentile([7], 0.5), 7);
});

test("The slope is that of the best straight line", () => {
  assert.equal(slope([1, 3, 5, 7]), 2);
  assert.equal(slope([4, 4, 4]), 0);
  assert.equal(slope([3]), 0);
  assert.deepEqual(spread([3, 1, 2]), [1, 3]);
});
