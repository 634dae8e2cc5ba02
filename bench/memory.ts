/** Memory of the service's process over many operations, and of it with its runners, on PostgreSQL where there is one. */
import { startPostgres } from "../test/support/postgres.ts";
import { openArena } from "./arena.ts";
import { conductorOne, named, requestOf } from "./integration.ts";
import { residentBytes, treeCost } from "./process-tree.ts";
import { compare, type Result } from "./result.ts";
import { slope } from "./statistics.ts";

/** The whole of the 300 with BENCH_OPERATIONS=300; fewer by default, so that all benchmarks end within minutes. */
const operations = Number(process.env["BENCH_OPERATIONS"] ?? 100);
const width = 4;

/** Updates of `width` integrations side by side; memory is read after each. */
export async function runMemory(): Promise<Result[]> {
  const postgres = await startPostgres({ durable: true });
  const environment: Record<string, string> = postgres ? { DATABASE_URL: await postgres.database("memory") } : {};
  const arena = await openArena({ environment });
  try {
    const pid = arena.service.process.pid ?? 0;
    const main: number[] = [];
    let peak = 0;
    let done = 0;
    const worker = async (_: unknown, lane: number) => {
      for (let turn = 0; done < operations; turn++) {
        done += 1;
        await arena.put("acme", `lane-${lane}`, requestOf(named(conductorOne, `lane-${lane}`), `bench-memory-${lane}-${turn}-e81d`));
        main.push((await residentBytes(pid)) / 1e6);
        peak = Math.max(peak, (await treeCost(pid)).rss / 1e6);
      }
    };
    await Promise.all(Array.from({ length: width }, worker));
    const third = Math.floor(main.length / 3);
    const perHundred = slope(main.slice(third)) * 100;
    const store = postgres ? `PostgreSQL ${postgres.version}` : "PGlite";
    return [
      compare({
        name: "memory",
        title: `Memory of the service's process over ${main.length} operations, ${store}`,
        unit: "MB",
        against: "its first third",
        ...(postgres && { target: { of: "median", atMost: 250 } as const }),
        note: `slope over the last two thirds ${perHundred.toFixed(1)} MB per 100 operations; peak with runners, CLIs and plugins ${peak.toFixed(0)} MB`,
        ours: main.slice(-third),
        baseline: main.slice(0, third),
      }),
    ];
  } finally {
    await arena.stop();
    await postgres?.stop();
  }
}
