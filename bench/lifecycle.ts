/** create, update, no-op and destroy through the API, held against the stock sequence and against bare SDK calls. */
import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Arena, openArena } from "./arena.ts";
import { directCalls } from "./direct.ts";
import { type Measured, requestOf, stacksOf } from "./integration.ts";
import { treeCost } from "./process-tree.ts";
import { compare, type Result, type Target } from "./result.ts";
import { median } from "./statistics.ts";

export const verbs = ["create", "update", "no-op", "destroy"] as const;
export type Verb = (typeof verbs)[number];

/** One run of one verb. */
interface Cost {
  milliseconds: number;
  /** CPU-seconds of the process, the runners, the CLI and the plugin */
  cpu: number;
  cli: number;
}

type Side = "ours" | "stock" | "direct";
export type Runs = Record<Side, Record<Verb, Cost[]>>;

const none = (): Record<Verb, Cost[]> => ({ create: [], update: [], "no-op": [], destroy: [] });

/** Runs the whole life `rounds` times per side, one side after the other in each round; a first round warms up and isn't counted. */
export async function runLifecycle(measured: Measured, rounds: number): Promise<Runs> {
  const arena = await openArena();
  try {
    const runs: Runs = { ours: none(), stock: none(), direct: none() };
    for (let round = 0; round <= rounds; round++) {
      for (const side of ["ours", "stock", "direct"] as const) {
        const lifecycle = lives[side](arena, measured, `${side}-${round}`);
        for (const verb of verbs) {
          const cost = await meter(arena, side, lifecycle[verb]);
          if (round > 0) runs[side][verb].push(cost);
        }
      }
    }
    return runs;
  } finally {
    await arena.stop();
  }
}

type Lifecycle = Record<Verb, () => Promise<unknown>>;

const idOf = (name: string, turn: number) => `bench-${name}-${turn}-5f1c8a7e2d9b`;

const lives: Record<Side, (arena: Arena, measured: Measured, name: string) => Lifecycle> = {
  ours({ put, destroy, api }, measured, name) {
    const [first, second] = [requestOf(measured, idOf(name, 1)), requestOf(measured, idOf(name, 2))];
    return {
      create: () => put("acme", name, first),
      update: () => put("acme", name, second),
      async "no-op"() {
        const { status } = await api.call("PUT", `/v1/tenants/acme/integrations/${name}`, { body: second });
        if (status !== 200) throw new Error(`the same PUT again answered ${status}`);
      },
      destroy: () => destroy("acme", name),
    };
  },
  stock({ stock }, measured, name) {
    const [first, second] = [
      stacksOf(measured, { name, externalId: idOf(name, 1) }),
      stacksOf(measured, { name, externalId: idOf(name, 2) }),
    ];
    return {
      create: () => stock.apply(name, first),
      update: () => stock.apply(name, second),
      "no-op": () => stock.apply(name, second),
      destroy: () => stock.destroy(name, second),
    };
  },
  direct({ sandbox, target }, measured, name) {
    const [first, second] = [
      stacksOf(measured, { name, externalId: idOf(name, 1) }),
      stacksOf(measured, { name, externalId: idOf(name, 2) }),
    ];
    const calls = directCalls(sandbox.awsEndpoint, target);
    return {
      create: () => calls.create(first),
      update: () => calls.update(second),
      "no-op": async () => {},
      destroy: () => calls.destroy(second),
    };
  },
};

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

async function meter({ cli, service, stock }: Arena, side: Side, work: () => Promise<unknown>): Promise<Cost> {
  const root = side === "ours" ? (service.process.pid ?? 0) : side === "stock" ? stock.pid : process.pid;
  const count = async () => (side === "direct" ? 0 : cli[side].starts());
  const before = await Promise.all([treeCost(root), count()]);
  // What the bench itself has left over isn't collected at the cost of what it measures: that took longer than a no-op.
  collectGarbage();
  const started = performance.now();
  await work();
  const milliseconds = performance.now() - started;
  const after = await Promise.all([treeCost(root), count()]);
  return { milliseconds, cpu: after[0].cpu - before[0].cpu, cli: after[1] - before[1] };
}

const targets: Record<Verb, Target> = {
  create: { of: "ratio", atMost: 0.4 },
  update: { of: "ratio", atMost: 0.4 },
  "no-op": { of: "ratio", atMost: 0.005 },
  destroy: { of: "ratio", atMost: 0.5 },
};

/** The results of one verb: time, CPU-seconds and CLI processes. `suffix` tells the integrations apart. */
export function verbResults(runs: Runs, verb: Verb, { title, suffix }: { title: string; suffix: string }): Result[] {
  const of = (side: Side, what: keyof Cost) => runs[side][verb].map((cost) => cost[what]);
  const direct = verb === "no-op" ? "" : `; by bare SDK calls ${median(of("direct", "milliseconds")).toFixed(0)} ms`;
  const series = (what: keyof Cost) => ({ ours: of("ours", what), baseline: of("stock", what) });
  const name = `${verb}${suffix}`;
  const against = "stock sequence";
  const cli: Target | undefined = verb === "no-op" ? { of: "median", atMost: 0 } : undefined;
  return [
    compare({
      name,
      title: `${verb}, ${title}`,
      unit: "ms",
      against,
      target: targets[verb],
      note: `proof included${direct}`,
      ...series("milliseconds"),
    }),
    compare({
      name: `${name}.cpu`,
      title: `CPU per ${verb}, ${title}`,
      unit: "CPU-s",
      against,
      ...(verb === "create" && { target: { of: "ratio", atMost: 0.5 } as const }),
      ...series("cpu"),
    }),
    compare({
      name: `${name}.cli`,
      title: `CLI processes per ${verb}, ${title}`,
      unit: "",
      against,
      ...(cli && { target: cli }),
      ...series("cli"),
    }),
  ];
}
