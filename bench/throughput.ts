/** 40 creates over 20 tenants, by the service and by the stock sequence in one process, each at the concurrency that suits it best. */
import { type Arena, openArena } from "./arena.ts";
import { conductorOne, named, requestOf, stacksOf } from "./integration.ts";
import { treeCost } from "./process-tree.ts";
import { compare, type Result } from "./result.ts";

const tenants = 20;
const creates = 40;
/** How many tell which concurrency suits whom, and warm up: about as long for both. */
const trial = { ours: 16, stock: 6 };
const choices = [2, 3, 4];

interface Batch {
  perMinute: number;
  cpuEach: number;
  /** bytes */
  peak: number;
}

type Create = (arena: Arena, n: number, batch: string) => Promise<unknown>;

const idOf = (name: string) => `bench-${name}-9c3e7f`;

const ours: Create = ({ put }, n, batch) => {
  const name = `ours-${batch}-${n}`;
  return put(`tenant-${n % tenants}`, name, requestOf(named(conductorOne, name), idOf(name)));
};
const stock: Create = ({ stock: sequence }, n, batch) => {
  const name = `stock-${batch}-${n}`;
  return sequence.apply(name, stacksOf(named(conductorOne, name), { name, externalId: idOf(name), tenant: `tenant-${n % tenants}` }));
};

/** `width` of them at a time; the service gets them all at once and keeps to its own number of runners. */
async function runBatch(
  arena: Arena,
  { create, count, width, batch, root }: { create: Create; count: number; width: number; batch: string; root: number },
): Promise<Batch> {
  const before = await treeCost(root);
  let peak = before.rss;
  const watch = setInterval(async () => {
    peak = Math.max(peak, (await treeCost(root)).rss);
  }, 500);
  const started = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < count) await create(arena, next++, batch);
  };
  await Promise.all(Array.from({ length: width }, worker));
  const minutes = (performance.now() - started) / 60_000;
  clearInterval(watch);
  return { perMinute: count / minutes, cpuEach: ((await treeCost(root)).cpu - before.cpu) / count, peak };
}

async function open(runners: number): Promise<Arena> {
  const arena = await openArena({ environment: { DRAWBRIDGE_RUNNERS: String(runners) } });
  for (let n = 0; n < tenants; n++) await arena.tenant(`tenant-${n}`);
  return arena;
}

/** Tries every concurrency on a few creates, both sides in turns, then warms up and runs all creates at the best of each. */
export async function runThroughput(): Promise<Result[]> {
  const tried: { width: number; ours: number; stock: number }[] = [];
  for (const width of choices) {
    const arena = await open(width);
    try {
      const own = await runBatch(arena, {
        create: ours,
        count: trial.ours,
        width: trial.ours,
        batch: "trial",
        root: arena.service.process.pid ?? 0,
      });
      const other = await runBatch(arena, { create: stock, count: trial.stock, width, batch: "trial", root: arena.stock.pid });
      tried.push({ width, ours: own.perMinute, stock: other.perMinute });
    } finally {
      await arena.stop();
    }
  }
  const best = (side: "ours" | "stock") => tried.toSorted((a, b) => b[side] - a[side])[0]?.width ?? 2;
  const widths = { ours: best("ours"), stock: best("stock") };
  const arena = await open(widths.ours);
  try {
    const pid = arena.service.process.pid ?? 0;
    const own: Batch[] = [];
    const other: Batch[] = [];
    await runBatch(arena, { create: ours, count: trial.ours, width: trial.ours, batch: "warm", root: pid });
    await runBatch(arena, { create: stock, count: trial.stock, width: widths.stock, batch: "warm", root: arena.stock.pid });
    // In turns: what else the machine does falls on both.
    for (const batch of ["a", "b"]) {
      own.push(await runBatch(arena, { create: ours, count: creates, width: creates, batch, root: pid }));
      other.push(await runBatch(arena, { create: stock, count: creates, width: widths.stock, batch, root: arena.stock.pid }));
    }
    return resultsOf(own, other, `ours with ${widths.ours} runners, stock with ${widths.stock} at once, out of ${choices.join(", ")}`);
  } finally {
    await arena.stop();
  }
}

function resultsOf(own: Batch[], other: Batch[], note: string): Result[] {
  const pair = (what: keyof Batch, scale = 1) => ({
    ours: own.map((one) => one[what] / scale),
    baseline: other.map((one) => one[what] / scale),
  });
  const against = "stock sequence in one process";
  return [
    compare({
      name: "throughput",
      title: `${creates} creates over ${tenants} tenants`,
      unit: "per minute",
      against,
      target: { of: "ratio", atLeast: 3 },
      note,
      ...pair("perMinute"),
    }),
    compare({
      name: "throughput.cpu",
      title: "CPU per create under load",
      unit: "CPU-s",
      against,
      target: { of: "ratio", atMost: 0.5 },
      ...pair("cpuEach"),
    }),
    compare({ name: "throughput.memory", title: "Peak memory of all processes", unit: "MB", against, ...pair("peak", 1e6) }),
  ];
}
