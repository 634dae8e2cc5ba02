/** Runs crash points in an order that the seed decides, so that a shard can run alone and be continued later. */
import type { Campaign } from "./campaign.ts";
import { type Cell, type Kind, type Outcome, type Point, runCleanly, runPoint } from "./crash-point.ts";
import { seeded, shuffled } from "./random.ts";
import { startRig } from "./rig.ts";
import { victims } from "./victims.ts";

export interface Sweep {
  kinds: readonly Kind[];
  /** `{ index: 1, count: 4 }` is every fourth point, beginning with the first */
  shard: { index: number; count: number };
  seed: number;
  /** How many points of the shard to leave out, because they ran before */
  skip?: number;
  /** The most points to run */
  limit?: number;
  /** Milliseconds after which no new point begins. The first `least` points run anyway */
  within?: number;
  least?: number;
}

/** Every call, before and after its reply, shuffled by the seed. The seed also decides which process is killed. Pure. */
export function pointsOf(kind: Kind, calls: number, seed: number): Point[] {
  const random = seeded(seed);
  const points = Array.from({ length: calls * 2 }, (_, index): Point => {
    return { kind, at: Math.floor(index / 2) + 1, when: index % 2 === 0 ? "before" : "after", victims: shuffled(random, victims) };
  });
  return shuffled(random, points);
}

/** Runs a shard, in each cell one point at a time. Reports every outcome as it comes. */
export async function sweep(
  cells: readonly [Cell, ...Cell[]],
  { kinds, shard, seed, skip = 0, limit = Infinity, within = Infinity, least = 0 }: Sweep,
  tell: (outcome: Outcome) => void,
): Promise<Outcome[]> {
  const started = Date.now();
  const outcomes: Outcome[] = [];
  for (const kind of kinds) {
    const shared = new Map(cells.map((cell) => [cell, `${kind}-${cell.tenant}`]));
    const calls = await prepare(cells, kind, shared);
    const points = pointsOf(kind, calls, seed).filter((_, index) => index % shard.count === shard.index - 1);
    const waiting = [...points.slice(skip, limit === Infinity ? undefined : skip + limit - outcomes.length).entries()];
    const work = async (cell: Cell) => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        if (Date.now() - started >= within && outcomes.length >= least) return;
        const [number, point] = next;
        const name = kind === "update" ? (shared.get(cell) ?? "") : `${kind}-${number + 1}`;
        const outcome = await runPoint(cell, point, name).catch((error: Error) => broken(point, error));
        outcomes.push(outcome);
        tell(outcome);
        if (kind !== "update" || outcome.wrong.length === 0) continue;
        shared.set(cell, `${kind}-${number + 1}`);
        await runCleanly(cell, "create", `${kind}-${number + 1}`);
      }
    };
    await Promise.all(cells.map(work));
  }
  return outcomes;
}

/** Counts the calls of an operation of this kind without faults. Afterwards each cell has the integration that its updates share. */
async function prepare(cells: readonly [Cell, ...Cell[]], kind: Kind, shared: Map<Cell, string>): Promise<number> {
  const [first] = cells;
  if (kind === "update") {
    await Promise.all(cells.map((cell) => runCleanly(cell, "create", shared.get(cell) ?? "")));
    return runCleanly(first, "update", shared.get(first) ?? "");
  }
  const made = await runCleanly(first, "create", `count-${kind}`);
  const destroyed = await runCleanly(first, "destroy", `count-${kind}`);
  return kind === "create" ? made : destroyed;
}

const broken = ({ kind, at, when }: Point, error: Error): Outcome => {
  return { kind, at, when, state: "broken", attempts: 0, seconds: 0, wrong: [`the harness: ${error.message}`] };
};

/** One runner instead of two: a killed service starts its runners again, and that is most of the cost of a point. */
const lean = { DRAWBRIDGE_RUNNERS: "1" };

/** Cells on one emulator. Each has its own service and account. */
export async function startCells(count: 1 | 2): Promise<{ cells: [Cell, ...Cell[]]; stop(): Promise<void> }> {
  const rig = await startRig(lean);
  const cells: [Cell, ...Cell[]] = [{ rig, tenant: "acme" }];
  if (count === 2) cells.push({ rig: await startRig(lean, { sandbox: rig.sandbox, account: "neighbour" }), tenant: "globex" });
  for (const cell of cells) await cell.rig.tenant(cell.tenant);
  const stop = async () => {
    for (const cell of cells.toReversed()) await cell.rig.stop();
  };
  return { cells, stop };
}

/** Crash points of whole kinds, in shards that can be continued: `--kind`, `--shard i/n`, `--skip N`. */
export const sweepCampaign: Campaign = {
  what: "crash points: a process is killed at one call, before or after its reply",
  usual: Infinity,
  async run({ seed, count, within, given, tell }) {
    const [index = 1, shards = 1] = (given["shard"] ?? "1/1").split("/").map(Number);
    const kinds = (given["kind"] ?? "create,update,destroy").split(",") as Kind[];
    const { cells, stop } = await startCells(given["cells"] === "1" ? 1 : 2);
    try {
      const which = { kinds, shard: { index, count: shards }, seed, skip: Number(given["skip"] ?? 0), limit: count, within };
      const outcomes = await sweep(cells, which, (outcome) => tell(lineOf(outcome)));
      const hit = outcomes.filter(({ victim }) => victim !== undefined).length;
      return {
        cases: outcomes.length,
        wrong: outcomes.flatMap(({ kind, at, when, wrong }) => wrong.map((what) => `${kind} ${at} ${when}: ${what}`)),
        slowest: Math.max(0, ...outcomes.map(({ seconds }) => seconds)),
        note: `in ${hit} a process was killed`,
      };
    } finally {
      await stop();
    }
  },
};

function lineOf({ call, ...rest }: Outcome): object {
  return { ...rest, call: call && `${call.service} ${call.name}`.slice(0, 80) };
}
