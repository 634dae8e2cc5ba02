/**
 * `npm run test:faults -- --shard i/n --seed S [--kind create,update,destroy] [--skip N] [--limit N] [--minutes M]`: one line of JSON per
 * crash point, then the counts. The same seed gives the same points with the same victims.
 */
import { parseArgs } from "node:util";
import type { Kind, Outcome } from "./crash-point.ts";
import { startRig } from "./rig.ts";
import { sweep } from "./sweep.ts";

const { values } = parseArgs({
  options: {
    shard: { type: "string", default: "1/1" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    kind: { type: "string", default: "create,update,destroy" },
    skip: { type: "string", default: "0" },
    limit: { type: "string" },
    minutes: { type: "string" },
  },
});
const [index = 1, count = 1] = values.shard.split("/").map(Number);
const seed = Number(values.seed);
console.log(`shard ${index}/${count}, seed ${seed}, kinds ${values.kind}`);
const rig = await startRig();
let outcomes: Outcome[] = [];
try {
  await rig.tenant("acme");
  const bounds = {
    ...(values.limit !== undefined && { limit: Number(values.limit) }),
    ...(values.minutes !== undefined && { within: Number(values.minutes) * 60_000 }),
  };
  const kinds = values.kind.split(",") as Kind[];
  outcomes = await sweep(rig, { kinds, shard: { index, count }, seed, skip: Number(values.skip), ...bounds }, (outcome) => {
    const { point, call, killed, state, code, attempts, seconds, wrong } = outcome;
    console.log(
      JSON.stringify({
        ...point,
        call: call && `${call.service} ${call.name}`.slice(0, 80),
        killed,
        state,
        code,
        attempts,
        seconds,
        wrong,
      }),
    );
  });
} finally {
  await rig.stop();
}
const wrong = outcomes.filter((outcome) => outcome.wrong.length > 0);
const slowest = Math.max(0, ...outcomes.map(({ seconds }) => seconds));
const hit = outcomes.filter(({ call }) => call !== undefined).length;
console.log(`${outcomes.length} points, ${hit} hit a call, ${wrong.length} wrong, slowest ${slowest.toFixed(1)} s, seed ${seed}`);
process.exitCode = wrong.length > 0 || outcomes.length === 0 ? 1 : 0;
