import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { pointsOf, startCells, sweep } from "../faults/sweep.ts";

/** Another seed gives other points and victims: `npm run test:faults -- --seed <seed> --kind update` runs the same ones alone. */
const seed = Number(process.env["DRAWBRIDGE_FAULT_SEED"] ?? 7);
const enough = 40;
const least = 10;
/** Two of the ten minutes that the file has, so that a whole run stays short on two cores. */
const within = 2 * 60_000;

let world: Awaited<ReturnType<typeof startCells>>;
before(async () => {
  world = await startCells(2);
});
after(() => world?.stop());

test("the same seed gives the same points", () => {
  assert.deepEqual(pointsOf("update", 100, 5), pointsOf("update", 100, 5));
  assert.notDeepEqual(pointsOf("update", 100, 5), pointsOf("update", 100, 6));
});

test(`an update of three stacks is true after somebody is killed at any of up to ${enough} calls`, async (t) => {
  const outcomes = await sweep(
    world.cells,
    { kinds: ["update"], shard: { index: 1, count: 1 }, seed, limit: enough, within, least },
    (outcome) => {
      if (outcome.wrong.length > 0) t.diagnostic(JSON.stringify(outcome));
    },
  );
  t.diagnostic(`${outcomes.length} points, seed ${seed}`);
  assert.ok(outcomes.length >= least);
  assert.deepEqual(
    outcomes.filter(({ wrong }) => wrong.length > 0),
    [],
  );
});
