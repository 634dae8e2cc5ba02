/** A sweep over many real stacks by our direct reads, held against the stock CLI's `pulumi refresh --preview-only` on a sample of them. */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { DriftRecord } from "../src/model/drift.ts";
import type { Operation } from "../src/model/operation.ts";
import { stackAddress } from "../stacks/name.ts";
import { type Arena, openArena } from "./arena.ts";
import { type CountingProxy, startProxy } from "./counting-proxy.ts";
import { conductorOne, named, requestOf } from "./integration.ts";
import { compare, type Result } from "./result.ts";
import { median } from "./statistics.ts";

/** How many stacks; issue 9 asks for 200. */
const size = Number(process.env["BENCH_DRIFT_STACKS"] ?? 200);
const tenants = 10;
const rounds = 3;
const sampleOfRound = 3;
/** More creates at once than this only wait for each other on two cores. */
const creators = 4;

const tenantOf = (n: number) => `tenant-${n % tenants}`;
const nameOf = (n: number) => `swept-${n}`;

interface Round {
  /** milliseconds per stack */
  ours: number;
  refresh: number[];
  /** AWS calls per stack */
  ourCalls: number;
  refreshCalls: number;
}

/** Makes the stacks through the API, then sweeps and refreshes in turns. */
export async function runDrift(): Promise<Result[]> {
  let front: { state: CountingProxy; aws: CountingProxy } | undefined;
  const arena = await openArena({
    environment: { DRAWBRIDGE_RUNNERS: "3" },
    async before(emulator) {
      front = { state: await startProxy(emulator), aws: await startProxy(emulator) };
      const { state, aws } = front;
      return { state: state.url, aws: aws.url, stop: async () => void (await Promise.all([state.stop(), aws.stop()])) };
    },
  });
  if (front === undefined) throw new Error("no proxies");
  const { aws } = front;
  try {
    await makeStacks(arena);
    const refresh = await stockRefresh(arena.sandbox, arena.stock.pulumiHome, front);
    const done: Round[] = [];
    for (let round = 0; round < rounds; round++) {
      aws.take();
      const ours = (await timed(() => sweep(arena))) / size;
      const ourCalls = aws.take().length / size;
      const sample = Array.from({ length: sampleOfRound }, (_, n) =>
        Math.floor(((round * sampleOfRound + n + 0.5) * size) / (rounds * sampleOfRound)),
      );
      const times: number[] = [];
      for (const n of sample) times.push(await timed(() => refresh(tenantOf(n), nameOf(n))));
      done.push({ ours, refresh: times, ourCalls, refreshCalls: aws.take().length / sample.length });
      console.log(`  round ${round + 1} of ${rounds}: ${ours.toFixed(1)} ms a stack, refresh ${median(times).toFixed(0)} ms`);
    }
    return resultsOf(done);
  } finally {
    await arena.stop();
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function makeStacks({ tenant, put }: Arena): Promise<void> {
  for (let n = 0; n < tenants; n++) await tenant(tenantOf(n));
  const started = performance.now();
  let next = 0;
  let made = 0;
  const worker = async () => {
    for (let n = next++; n < size; n = next++) {
      await put(tenantOf(n), nameOf(n), requestOf(named(conductorOne, nameOf(n)), `bench-swept-${n}-4be81f`));
      made += 1;
      if (made % 20 === 0) console.log(`  ${made} of ${size} stacks made in ${Math.round((performance.now() - started) / 1000)} s`);
    }
  };
  await Promise.all(Array.from({ length: creators }, worker));
}

/** A detection for each tenant, all asked for at once, as the clock's sweep does. */
async function sweep({ api }: Arena): Promise<void> {
  const operations = await Promise.all(
    Array.from({ length: tenants }, async (_, n) => {
      const answer = await api.call<{ operation: Operation }>("POST", `/v1/tenants/${tenantOf(n)}/detect-drift`, { body: {} });
      return api.finished(answer.body.operation.id);
    }),
  );
  const seen = operations.flatMap(({ result }) => (result?.["integrations"] ?? []) as DriftRecord[]);
  const odd = seen.find(({ verdict }) => verdict !== "none");
  if (seen.length !== size || odd) throw new Error(`the sweep saw ${seen.length} of ${size}: ${JSON.stringify(odd)}`);
}

/** The stock CLI on the stacks that the service made, with their state where it is. */
async function stockRefresh(
  sandbox: Sandbox,
  pulumiHome: string,
  front: { state: CountingProxy; aws: CountingProxy },
): Promise<(tenant: string, name: string) => Promise<void>> {
  const cwd = path.join(sandbox.dataDir, "refresh");
  await mkdir(cwd, { recursive: true });
  await writeFile(path.join(cwd, "Pulumi.yaml"), "name: drawbridge\nruntime: nodejs\n");
  return async (tenant, name) => {
    const { stack, backendUrl } = stackAddress(sandbox.stateUrl, tenant, "role", name);
    const backend = new URL(backendUrl);
    backend.searchParams.set("endpoint", front.state.url);
    backend.searchParams.set("profile", "state");
    const args = ["refresh", "--preview-only", "--non-interactive", "--color=never", "--stack", `organization/drawbridge/${stack}`];
    const { stdout } = await promisify(execFile)(path.join(sandbox.cli.root, "bin", "pulumi"), args, {
      cwd,
      env: {
        PATH: process.env["PATH"],
        HOME: cwd,
        AWS_SHARED_CREDENTIALS_FILE: path.join(sandbox.dataDir, "stock", "credentials"),
        AWS_EC2_METADATA_DISABLED: "true",
        AWS_RESPONSE_CHECKSUM_VALIDATION: "when_required",
        AWS_ENDPOINT_URL: front.aws.url,
        PULUMI_HOME: pulumiHome,
        PULUMI_BACKEND_URL: decodeURIComponent(backend.href),
        PULUMI_CONFIG_PASSPHRASE: sandbox.environment["DRAWBRIDGE_SECRETS_PASSPHRASE"],
        PULUMI_SKIP_UPDATE_CHECK: "true",
      },
    });
    if (!/unchanged/.test(stdout)) throw new Error(`the refresh of ${name} found something:\n${stdout}`);
  };
}

function resultsOf(done: Round[]): Result[] {
  const against = "pulumi refresh --preview-only, stock CLI";
  const sampled = done.flatMap(({ refresh }) => refresh);
  const series = { ours: done.map(({ ours }) => ours), baseline: sampled };
  const calls = { ours: done.map(({ ourCalls }) => ourCalls), baseline: done.map(({ refreshCalls }) => refreshCalls) };
  const seconds = (median(series.ours) * size) / 1000;
  return [
    compare({
      name: "drift",
      title: `Drift sweep of ${size} stacks, per stack`,
      unit: "ms",
      against,
      target: { of: "ratio", atMost: 0.1 },
      note: `the whole sweep ${seconds.toFixed(1)} s; refreshed ${sampled.length} of the same stacks, one after the other`,
      ...series,
    }),
    compare({ name: "drift.calls", title: "AWS calls per swept stack", unit: "", against, ...calls }),
  ];
}
