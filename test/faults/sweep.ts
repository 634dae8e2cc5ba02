/** Runs crash points one after the other, in one order per seed, so that a shard can be run alone and gone on with. */

import type { Campaign } from "./campaign.ts";
import { countCalls, type Kind, makeIntegration, type Outcome, type Point, runPoint } from "./crash-point.ts";
import { pick, seeded } from "./random.ts";
import { type Rig, startRig } from "./rig.ts";
import { victims } from "./victims.ts";

export interface Sweep {
  kinds: readonly Kind[];
  /** `{ index: 1, count: 4 }` is every fourth point, from the first */
  shard: { index: number; count: number };
  seed: number;
  /** Points of the shard to leave out: they were run before */
  skip?: number;
  /** Points at most */
  limit?: number;
  /** Milliseconds after which no new point begins */
  within?: number;
}

/** Every call before and after its reply, shuffled by the seed; the victim of each comes from the seed too. Pure. */
export function pointsOf(kind: Kind, calls: number, seed: number): Point[] {
  const random = seeded(seed);
  const points = Array.from({ length: calls * 2 }, (_, index): Point => {
    return { kind, at: Math.floor(index / 2) + 1, when: index % 2 === 0 ? "before" : "after", victim: pick(random, victims) };
  });
  for (let last = points.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [points[last], points[other]] = [points[other] as Point, points[last] as Point];
  }
  return points;
}

/** Runs a shard; every outcome is told as it comes. */
export async function sweep(
  rig: Rig,
  { kinds, shard, seed, skip = 0, limit = Infinity, within = Infinity }: Sweep,
  tell: (outcome: Outcome) => void,
): Promise<Outcome[]> {
  const started = Date.now();
  const outcomes: Outcome[] = [];
  for (const kind of kinds) {
    const calls = await countCalls(rig, kind, `count-${kind}`);
    const points = pointsOf(kind, calls, seed).filter((_, index) => index % shard.count === shard.index - 1);
    let shared = `${kind}-0`;
    if (kind === "update") await makeIntegration(rig, shared);
    for (const [number, point] of points.slice(skip).entries()) {
      if (outcomes.length >= limit || Date.now() - started > within) return outcomes;
      const name = kind === "update" ? shared : `${kind}-${number + 1}`;
      const outcome = await runPoint(rig, point, name).catch(
        (error: Error): Outcome => ({
          point,
          killed: 0,
          state: "broken",
          attempts: 0,
          seconds: 0,
          wrong: [`the harness: ${error.message}`],
        }),
      );
      outcomes.push(outcome);
      tell(outcome);
      if (kind === "update" && outcome.wrong.length > 0) {
        shared = `${kind}-${number + 1}`;
        await makeIntegration(rig, shared);
      }
    }
  }
  return outcomes;
}

const kindsOf = (text = "create,update,destroy") => text.split(",") as Kind[];

/** Crash points of whole kinds, in shards that can be gone on with: `--kind`, `--shard i/n`, `--skip N`. */
export const sweepCampaign: Campaign = {
  what: "crash points: somebody is killed at one call, before or after its reply",
  usual: Infinity,
  async run({ seed, count, within, given, tell }) {
    const [index = 1, shards = 1] = (given["shard"] ?? "1/1").split("/").map(Number);
    const rig = await startRig();
    try {
      await rig.tenant("acme");
      const which = { kinds: kindsOf(given["kind"]), shard: { index, count: shards }, seed, skip: Number(given["skip"] ?? 0) };
      const outcomes = await sweep(rig, { ...which, limit: count, within }, (outcome) => tell(lineOf(outcome)));
      const hit = outcomes.filter(({ call }) => call !== undefined).length;
      return {
        cases: outcomes.length,
        wrong: outcomes.flatMap(({ point, wrong }) => wrong.map((what) => `${JSON.stringify(point)}: ${what}`)),
        slowest: Math.max(0, ...outcomes.map(({ seconds }) => seconds)),
        note: `${hit} hit a call`,
      };
    } finally {
      await rig.stop();
    }
  },
};

function lineOf({ point, call, ...rest }: Outcome): object {
  return { ...point, call: call && `${call.service} ${call.name}`.slice(0, 80), ...rest };
}
