/** The API with its workers paused at 10,000 integrations: reads, accepted PUTs and refusals, on each store. */

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { sql } from "kysely";
import { type Sandbox, startSandbox } from "../sandbox/sandbox.ts";
import { startService } from "../sandbox/service.ts";
import { openStore } from "../src/store/store.ts";
import { startPostgres } from "../test/support/postgres.ts";
import { conductorOne, requestOf } from "./integration.ts";
import { type LoadResult, load, type Shot } from "./load.ts";
import { ownCpu, residentBytes } from "./process-tree.ts";
import { compare, type Result, type Target } from "./result.ts";
import { median, percentile } from "./statistics.ts";
import { fill } from "./synthetic.ts";

const tenants = 100;
const integrations = 100;
const rounds = 3;
const seconds = 3;
const connections = 8;
const silent = { info: () => {}, warn: () => {}, error: () => {} };
const place = (n: number) => `/v1/tenants/tenant-${n % tenants}/integrations/integration-${(n * 7919) % integrations}`;

/** The usual limits are meant for one caller among many; here one caller is all of them. Every other status than the wanted one fails the bench. */
const unlimited = { DRAWBRIDGE_REQUESTS_PER_MINUTE: "100000000", DRAWBRIDGE_WRITES_PER_MINUTE: "100000000" };

type Taken = LoadResult & {
  /** CPU-milliseconds of the service's process per request */
  cpu: number;
};

/** What a caller holds in production: an API key, which is looked up in the store. */
async function makeKey({ url, token }: { url: string; token: string }): Promise<string> {
  const answer = await fetch(`${url}/v1/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ subject: "bench", tenants: "*", scopes: ["read", "write"] }),
  });
  if (answer.status !== 201) throw new Error(`making a key: ${answer.status}`);
  return ((await answer.json()) as { key: string }).key;
}

let accepted = 0;

function acceptedPut(): Shot {
  const n = ++accepted;
  const path = `/v1/tenants/tenant-${n % tenants}/integrations/new-${n}`;
  return { method: "PUT", path, body: JSON.stringify(requestOf(conductorOne, `bench-accept-${n}-6d1f0c`)), status: 202 };
}

interface Kind {
  name: string;
  title: string;
  shot: (n: number) => Shot;
  target: { rate: number; p99?: number };
}

const refused = '{"blueprint":"conductorone-s3","parameters":{"bucket":7}}';
const kinds: Kind[] = [
  {
    name: "get",
    title: "GET of an integration",
    shot: (n) => ({ method: "GET", path: place(n), status: 200 }),
    target: { rate: 1000, p99: 100 },
  },
  { name: "put", title: "PUT accepted", shot: acceptedPut, target: { rate: 150, p99: 200 } },
  {
    name: "refuse",
    title: "PUT refused (422)",
    shot: (n) => ({ method: "PUT", path: place(n), body: refused, status: 422 }),
    target: { rate: 1000 },
  },
];

/** The least there can be: Node's own server with a constant answer, under the same load. */
async function startBare(): Promise<{ url: string; stop(): void }> {
  const body = JSON.stringify({ name: "x".repeat(1_500) });
  const server = createServer((incoming, outgoing) => {
    incoming.resume();
    outgoing.writeHead(200, { "content-type": "application/json" }).end(body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop: () => server.close() };
}

/** Jobs that are accepted from now on are due in a day: the real service, its workers with nothing to do. */
const pausing = [
  `create function bench_pause() returns trigger language plpgsql as
    'begin new.start_after := new.start_after + interval ''1 day''; return new; end'`,
  "create trigger bench_pause before insert on pgboss.job for each row execute function bench_pause()",
];

/** A store that the service has once opened, filled, with its workers paused. */
async function prepare(sandbox: Sandbox, environment: Record<string, string>, databaseUrl: string | undefined): Promise<void> {
  const once = await startService(sandbox, { environment });
  await once.stop();
  const store = await openStore({ databaseUrl, dataDir: environment["DRAWBRIDGE_DATA_DIR"] ?? "", log: silent });
  try {
    await fill(store, { tenants, integrations, operations: 1 });
    for (const statement of pausing) await sql.raw(statement).execute(store.db);
  } finally {
    await store.close();
  }
}

async function measureStore(sandbox: Sandbox, store: string, databaseUrl: string | undefined): Promise<Result[]> {
  const dataDir = path.join(sandbox.dataDir, store.split(" ")[0] ?? "");
  const environment = { ...unlimited, DRAWBRIDGE_DATA_DIR: dataDir, ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }) };
  await prepare(sandbox, environment, databaseUrl);
  const service = await startService(sandbox, { environment });
  const bare = await startBare();
  try {
    const headers = { authorization: `Bearer ${await makeKey(service)}` };
    const pid = service.process.pid ?? 0;
    const series = new Map<string, Taken[]>();
    const take = async (name: string, target: string, shot: (n: number) => Shot) => {
      await load(target, { connections, seconds: 0.3, shot });
      const before = await ownCpu(pid);
      const loaded = await load(target, { connections, seconds, shot });
      const cpu = ((await ownCpu(pid)) - before) * 1000;
      series.set(name, [...(series.get(name) ?? []), { ...loaded, cpu: cpu / loaded.requests }]);
    };
    // The first warms up: a service that has run for a while has compiled what it runs.
    for (let round = 0; round <= rounds; round++) {
      if (round === 1) series.clear();
      await take("bare", bare.url, () => ({ method: "GET", path: "/", status: 200 }));
      for (const { name, shot } of kinds) await take(name, service.url, (n) => ({ ...shot(n), headers }));
    }
    const memory = await residentBytes(pid);
    return [...kinds.flatMap((kind) => resultsOf(kind, series, store)), memoryResult(memory, store)];
  } finally {
    bare.stop();
    await service.stop();
  }
}

function resultsOf({ name: shot, title, target }: Kind, series: Map<string, Taken[]>, store: string): Result[] {
  const of = (name: string, what: keyof Taken) => (series.get(name) ?? []).map((one) => one[what]);
  // The issue names PostgreSQL for what is written, no store for the rest.
  const counts = shot !== "put" || store.startsWith("PostgreSQL");
  const atMost = (figure: number): Target => ({ of: "median", atMost: figure });
  const name = `api.${shot}.${store.split(" ")[0]?.toLowerCase()}`;
  const against = "node:http with a constant answer";
  const pair = (what: keyof Taken) => ({ ours: of(shot, what), baseline: of("bare", what) });
  const where = `${title}, 10,000 integrations, ${store}`;
  return [
    compare({
      name,
      title: where,
      unit: "/s",
      against,
      ...(counts && { target: { of: "median", atLeast: target.rate } }),
      note: `${median(of(shot, "cpu")).toFixed(2)} CPU-ms of the service per request`,
      ...pair("perSecond"),
    }),
    compare({
      name: `${name}.p99`,
      title: `${where}: p99`,
      unit: "ms",
      against,
      ...(counts && target.p99 !== undefined && { target: atMost(target.p99) }),
      note: `p50 ${median(of(shot, "p50")).toFixed(1)} ms, worst round's p99 ${percentile(of(shot, "p99"), 1).toFixed(1)} ms, ${connections} connections`,
      ...pair("p99"),
    }),
  ];
}

function memoryResult(bytes: number, store: string): Result {
  const megabytes = bytes / 1e6;
  const target: Target | undefined = store.startsWith("PostgreSQL") ? { of: "median", atMost: 250 } : undefined;
  return compare({
    name: `api.memory.${store.split(" ")[0]?.toLowerCase()}`,
    title: `Memory of the HTTP process after the load, ${store}`,
    unit: "MB",
    against: "250 MB",
    ...(target && { target }),
    ours: [megabytes],
    baseline: [250],
  });
}

/** PostgreSQL first, where it is installed: the figures are asked of it. The process is the whole service; its workers find nothing due. */
export async function runApi(): Promise<Result[]> {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), "drawbridge-bench-api-"));
  const postgres = await startPostgres({ durable: true });
  const sandbox = await startSandbox({ dataDir, log: () => {} });
  try {
    const onPostgres = postgres ? await measureStore(sandbox, `PostgreSQL ${postgres.version}`, await postgres.database("api")) : [];
    return [...onPostgres, ...(await measureStore(sandbox, "PGlite", undefined))];
  } finally {
    await sandbox.stop();
    await postgres?.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}
