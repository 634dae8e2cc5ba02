/** Every benchmark by its name. One that several names share runs once per process. */
import { runFlood, runSlowSockets } from "./abuse.ts";
import { runApi } from "./api.ts";
import { runDrift } from "./drift.ts";
import { runGrowth } from "./growth.ts";
import { conductorOne, creativeForce, type Measured } from "./integration.ts";
import { type Runs, runLifecycle, type Verb, verbResults, verbs } from "./lifecycle.ts";
import { runMemory } from "./memory.ts";
import type { Benchmark, Result } from "./result.ts";
import { runStart } from "./start.ts";
import { runThroughput } from "./throughput.ts";
import { runTraced } from "./traced.ts";
import { drawWaterfall } from "./waterfall-files.ts";

const rounds = { [conductorOne.blueprint]: 5, [creativeForce.blueprint]: 3 };
const lives = new Map<string, Promise<Runs>>();

function lifecycle(measured: Measured): Promise<Runs> {
  const { blueprint } = measured;
  const running = lives.get(blueprint) ?? runLifecycle(measured, rounds[blueprint] ?? 3);
  lives.set(blueprint, running);
  return running;
}

function verbBenchmark(verb: Verb, measured: Measured, suffix: string): Benchmark {
  const { title } = measured;
  return { title: `${verb}, ${title}`, run: async () => verbResults(await lifecycle(measured), verb, { title, suffix }) };
}

async function state(): Promise<Result[]> {
  const { results, trace } = await runTraced();
  await drawWaterfall(trace);
  return results;
}

/** In the order in which they run: the figures that are asked for come first, because a run may be ended before the last. */
export const benchmarks: Record<string, Benchmark> = {
  ...Object.fromEntries(verbs.map((verb) => [verb, verbBenchmark(verb, conductorOne, "")])),
  state: { title: "S3 requests, shares and the waterfall", run: state },
  ...Object.fromEntries(verbs.map((verb) => [`${verb}-kms`, verbBenchmark(verb, creativeForce, "-kms")])),
  throughput: { title: "40 creates over 20 tenants", run: runThroughput },
  api: { title: "The API at 10,000 integrations", run: runApi },
  sockets: { title: "2,000 slow sockets", run: runSlowSockets },
  flood: { title: "10,000 PUTs of one tenant", run: runFlood },
  drift: { title: "Drift sweep of many stacks", run: runDrift },
  memory: { title: "Memory over many operations", run: runMemory },
  growth: { title: "10, 100 and 1,000 tenants", run: runGrowth },
  start: { title: "Start until ready", run: runStart },
};
