/** One life through counting proxies: S3 requests and bytes by kind, the share of stand-in and emulator, and a create's waterfall. */
import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { awsPluginFolder } from "../setup/aws-plugin.ts";
import type { Operation, OperationEvent } from "../src/model/operation.ts";
import { type Arena, openArena } from "./arena.ts";
import { type CountingProxy, type Passed, startProxy } from "./counting-proxy.ts";
import { conductorOne, requestOf, stacksOf } from "./integration.ts";
import { treeCost } from "./process-tree.ts";
import { compare, type Result } from "./result.ts";
import type { Trace } from "./waterfall.ts";

const verbs = ["create", "update", "no-op", "destroy"] as const;
type Verb = (typeof verbs)[number];

interface PluginProcess {
  began: number;
  ended: number;
  cpu: number;
}

interface Observed {
  state: Passed[];
  aws: Passed[];
  /** CPU-seconds */
  cpu: { side: number; plugin: number; emulator: number };
}

interface Front {
  state: CountingProxy;
  aws: CountingProxy;
}

export interface Traced {
  results: Result[];
  trace: Trace;
}

const rounds = 2;

/** The last round counts; the one before it warms up. */
export async function runTraced(): Promise<Traced> {
  let front: Front | undefined;
  const arena = await openArena({
    async before(emulator) {
      front = { state: await startProxy(emulator), aws: await startProxy(emulator) };
      const { state, aws } = front;
      const stop = async () => void (await Promise.all([state.stop(), aws.stop()]));
      return { state: state.url, aws: aws.url, stop };
    },
  });
  if (front === undefined) throw new Error("no proxies");
  try {
    const log = path.join(arena.sandbox.dataDir, "plugin.jsonl");
    await Promise.all([arena.sandbox.pulumiHome, arena.stock.pulumiHome].map((home) => timePlugin(home, log)));
    let ours: Record<Verb, Observed> | undefined;
    let stock: Record<Verb, Observed> | undefined;
    let trace: Trace | undefined;
    for (let round = 0; round < rounds; round++) {
      const look = <T>(root: number, work: () => Promise<T>) => observe({ arena, front: front as Front, log }, root, work);
      const pid = arena.service.process.pid ?? 0;
      const [first, second] = [0, 1].map((turn) => `bench-traced-${round}-${turn}-7a1c4e`) as [string, string];
      const route = `/v1/tenants/acme/integrations/ours-${round}`;
      const create = await look(pid, () => arena.put("acme", `ours-${round}`, requestOf(conductorOne, first)));
      trace = await traceOf(arena, create.answer, create.observed, await pluginProcesses(log));
      const update = await look(pid, () => arena.put("acme", `ours-${round}`, requestOf(conductorOne, second)));
      const noop = await look(pid, () => arena.api.call("PUT", route, { body: requestOf(conductorOne, second) }));
      const destroy = await look(pid, () => arena.destroy("acme", `ours-${round}`));
      ours = { create: create.observed, update: update.observed, "no-op": noop.observed, destroy: destroy.observed };
      const name = `stock-${round}`;
      const specs = [first, second].map((externalId) => stacksOf(conductorOne, { name, externalId }));
      const [old = [], now = []] = specs;
      const on = async (work: () => Promise<unknown>) => (await look(arena.stock.pid, work)).observed;
      stock = {
        create: await on(() => arena.stock.apply(name, old)),
        update: await on(() => arena.stock.apply(name, now)),
        "no-op": await on(() => arena.stock.apply(name, now)),
        destroy: await on(() => arena.stock.destroy(name, now)),
      };
    }
    if (!ours || !stock || !trace) throw new Error("no round ran");
    return { results: resultsOf(ours, stock), trace };
  } finally {
    await arena.stop();
  }
}

/** Has the stand-in's launcher load plugin-clock.ts; the official plugin is left as it is. */
async function timePlugin(pulumiHome: string, log: string): Promise<void> {
  const launcher = path.join(awsPluginFolder(pulumiHome), "pulumi-resource-aws");
  const text = await readFile(launcher, "utf8").catch(() => "");
  if (!text.startsWith("#!/bin/sh")) return;
  const clock = path.join(import.meta.dirname, "plugin-clock.ts");
  await writeFile(launcher, text.replace("exec ", `BENCH_PLUGIN_LOG='${log}' NODE_OPTIONS='--import ${clock}' exec `));
}

async function pluginProcesses(log: string): Promise<PluginProcess[]> {
  const lines = (await readFile(log, "utf8").catch(() => "")).trim();
  return lines === "" ? [] : lines.split("\n").map((line) => JSON.parse(line) as PluginProcess);
}

async function observe<T>(
  { arena, front, log }: { arena: Arena; front: Front; log: string },
  root: number,
  work: () => Promise<T>,
): Promise<{ answer: T; observed: Observed }> {
  front.state.take();
  front.aws.take();
  await rm(log, { force: true });
  const cost = async () => Promise.all([treeCost(root), treeCost(arena.sandbox.emulatorPid)]);
  const before = await cost();
  const answer = await work();
  const after = await cost();
  const plugin = (await pluginProcesses(log)).reduce((sum, { cpu }) => sum + cpu, 0);
  const cpu = { side: after[0].cpu - before[0].cpu, plugin, emulator: after[1].cpu - before[1].cpu };
  return { answer, observed: { state: front.state.take(), aws: front.aws.take(), cpu } };
}

async function traceOf({ api, cli, service }: Arena, operation: Operation, observed: Observed, plugins: PluginProcess[]): Promise<Trace> {
  const answer = await fetch(`${service.url}/v1/operations/${operation.id}/events`, {
    headers: { authorization: `Bearer ${service.token}`, accept: "text/event-stream" },
  });
  const lines = (await answer.text()).split("\n").filter((line) => line.startsWith("data:"));
  const events = lines.map((line) => JSON.parse(line.slice(5)) as OperationEvent);
  const { body } = await api.call<Operation>("GET", `/v1/operations/${operation.id}`);
  return {
    createdAt: Date.parse(body.createdAt),
    events,
    state: observed.state,
    aws: observed.aws,
    plugins,
    cliStart: await cli.ours.lastStart(),
  };
}

function resultsOf(ours: Record<Verb, Observed>, stock: Record<Verb, Observed>): Result[] {
  return verbs.flatMap((verb) => {
    const [own, other] = [ours[verb], stock[verb]];
    const title = (what: string) => `${what} per ${verb}, ConductorOne`;
    const against = "stock sequence";
    const bytes = (passed: Passed[]) => passed.reduce((sum, { sent, received }) => sum + sent + received, 0) / 1000;
    return [
      compare({
        name: `s3.${verb}`,
        title: title("S3 requests"),
        unit: "",
        against,
        ...(verb === "create" && { target: { of: "ratio", atMost: 0.5 } as const }),
        note: `${kindsOf(own.state)}; stock: ${kindsOf(other.state)}`,
        ours: [own.state.length],
        baseline: [other.state.length],
      }),
      compare({
        name: `s3.${verb}.bytes`,
        title: title("S3 bytes"),
        unit: "kB",
        against,
        ours: [bytes(own.state)],
        baseline: [bytes(other.state)],
      }),
      compare({
        name: `share.${verb}`,
        title: title("CPU of plugin and emulator"),
        unit: "CPU-s",
        against: "all CPU of ours, emulator included",
        note: `plugin ${own.cpu.plugin.toFixed(2)} (stock ${other.cpu.plugin.toFixed(2)}), emulator ${own.cpu.emulator.toFixed(2)} (stock ${other.cpu.emulator.toFixed(2)} of ${(other.cpu.side + other.cpu.emulator).toFixed(2)})`,
        ours: [own.cpu.plugin + own.cpu.emulator],
        baseline: [own.cpu.side + own.cpu.emulator],
      }),
    ];
  });
}

function kindsOf(passed: readonly Passed[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of passed) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const ordered = [...counts].sort((a, b) => b[1] - a[1]);
  return ordered.length === 0 ? "none" : ordered.map(([kind, count]) => `${count} ${kind}`).join(", ");
}
