/** The real application on a real socket, with the real verbs and a real store, but without a worker: nothing is sent to AWS. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import { after } from "node:test";
import { sql } from "kysely";
import { Registry } from "prom-client";
import { createAudit } from "../../src/access/audit/audit.ts";
import { callerOfKey } from "../../src/access/identity/api-keys.ts";
import { rightsLookup } from "../../src/access/identity/rights.ts";
import { type LimitSettings, openLimits } from "../../src/access/limits/limits.ts";
import { routes as everyRoute } from "../../src/http/routes/routes.ts";
import type { Api } from "../../src/http/server/api.ts";
import { createApp } from "../../src/http/server/app.ts";
import type { Route } from "../../src/http/server/route.ts";
import { listen } from "../../src/http/server/server.ts";
import type { Context } from "../../src/integrations/context.ts";
import { createLog } from "../../src/log.ts";
import { type Caller, scopes } from "../../src/model/caller.ts";
import { createCancelRegistry } from "../../src/operations/cancel.ts";
import { createFreeze } from "../../src/operations/freeze.ts";
import type { Queue } from "../../src/operations/queue/queue.ts";
import { integrationReader } from "../../src/store/integration-reader.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { type Opened, openAnew, silent } from "../store/backends.ts";
import { closeInTheEnd, closeLeft } from "../support/left-open.ts";
import { type CallOptions, type Reply, send } from "./call.ts";
import { seed } from "./seed.ts";

const credential = { kind: "admin" as const };
/** Tokens that the application under test knows. */
export const callers: Record<string, Caller> = {
  "admin-token": { subject: "admin", tenants: "*", scopes, credential },
  "acme-token": { subject: "acme-ci", tenants: ["acme"], scopes, credential },
  "beta-token": { subject: "beta-ci", tenants: ["beta"], scopes, credential },
  ...Object.fromEntries(scopes.map((scope) => [`only-${scope}`, { subject: `only-${scope}`, tenants: "*", scopes: [scope], credential }])),
};

/** Limits for tests that don't test limits. */
export const unlimited: LimitSettings = { requestsPerMinute: 1e6, writesPerMinute: 1e6, destroysPerHour: 1e6, streamsPerCaller: 3 };
/** The secret of the seeded source's webhook. */
export const webhookSecret = "It's a Secret to Everybody";

export interface Running {
  url: string;
  store: Store;
  context: Context;
  api: Api;
  /** The keys of the jobs that requests made. */
  enqueued: string[];
  /** The calls with which the freeze stopped and resumed this process's queue. */
  stops: string[];
  /** The lines that the log has so far. */
  lines(): Record<string, unknown>[];
  /** The amount of records: a request that is refused for its form adds none. */
  footprint(): Promise<unknown>;
  /** Sends exactly this method and this path. */
  call(method: string, path: string, options?: CallOptions): Promise<Reply>;
  close(): Promise<void>;
}

export interface Starting {
  limits?: LimitSettings;
  /** The database of a replica: the replica shares the limits and checks regularly for a freeze. */
  databaseUrl?: string | undefined;
  /** Routes before the API's own */
  routes?: readonly Route[];
  /** Replacements for the API's own parts. */
  api?: Partial<Pick<Api, "readiness" | "findCaller">>;
}

const untouched = <T extends object>(name: string): T =>
  new Proxy({} as T, {
    get: (_target, property) => {
      throw new Error(`${name}.${String(property)} was used by a request`);
    },
  });

/** One replica's connections to a database that others use too. */
async function openShared(databaseUrl: string): Promise<Opened> {
  const store = await openStore({ databaseUrl, dataDir: "", log: silent });
  return { store, remove: () => store.close() };
}

/** The API over this context. */
export async function apiOver(context: Context, { limits = unlimited, databaseUrl, api: others }: Starting = {}): Promise<Api> {
  const { db } = context.store;
  const killing = { host: "here", killByMarker: async () => {} };
  return {
    context,
    metrics: new Registry(),
    version: "0.1.0",
    servicePrincipal: "arn:aws:iam::444455556666:role/Drawbridge",
    findCaller: async (token) => callers[token] ?? callerOfKey(db, token),
    audit: createAudit({ db, log: silent }),
    freeze: createFreeze({ store: context.store, queue: context.queue, log: silent, killing, owner: "test" }),
    limits: await openLimits(limits, databaseUrl),
    cancels: createCancelRegistry(),
    killing,
    readIntegration: integrationReader(db),
    readiness: async () => ({
      ready: true,
      checks: [{ name: "plugin", ok: true, detail: "stand-in 7.48.0", plugin: "stand-in", version: "7.48.0" }],
    }),
    ...others,
  };
}

after(closeLeft);

/** Listens on a free loopback port with the routes over `api`. */
export async function serveApi(api: Api, routes: readonly Route[] = everyRoute) {
  const server = await listen(createApp(api, routes), { host: "127.0.0.1", port: 0 });
  const call = (method: string, path: string, options: CallOptions = {}) => send(server.url, method, path, options);
  return { url: server.url, call, close: () => server.close(0) };
}

/** Starts the application over an empty store. It knows the callers above and the API keys that a test makes. */
export async function start(starting: Starting = {}): Promise<Running> {
  const { databaseUrl, routes } = starting;
  const opened = databaseUrl === undefined ? await openAnew() : await openShared(databaseUrl);
  const { store } = opened;
  const secretsDir = await mkdtemp(path.join(tmpdir(), "drawbridge-secrets-"));
  await writeFile(path.join(secretsDir, "hook"), webhookSecret);
  const enqueued: string[] = [];
  const stops: string[] = [];
  const queue: Queue = {
    ...untouched<Queue>("queue"),
    enqueue: async (_trx, job) => void enqueued.push(job.key),
    pause: async () => void stops.push("pause"),
    resume: async () => void stops.push("resume"),
    interrupt: () => void stops.push("interrupt"),
  };
  const logged: string[] = [];
  const stream = new PassThrough().on("data", (chunk: Buffer) => logged.push(chunk.toString()));
  const context: Context = {
    store,
    queue,
    engine: untouched("engine"),
    sts: untouched("sts"),
    reach: {},
    writeGates: () => async (_write, send) => send(),
    log: createLog({ level: "info", stream }),
    stateUrl: "s3://drawbridge-state?region=us-east-1",
    ownCredentials: false,
    operationSeconds: 60,
    owner: "test",
    secretsDir,
    now: () => new Date().toISOString(),
    rightsOf: rightsLookup({ db: store.db, issuers: [] }),
  };
  const api = await apiOver(context, starting);
  const closing = new AbortController();
  if (databaseUrl !== undefined) api.freeze.keepLooking(closing.signal);
  const server = await serveApi(api, routes && [...routes, ...everyRoute]);
  let closed: Promise<void> | undefined;
  const end = async () => {
    closing.abort();
    await server.close();
    await api.audit.refusals.settle();
    await api.limits.close();
    await opened.remove();
    await rm(secretsDir, { recursive: true, force: true });
  };
  const close = () => {
    closed ??= end();
    return closed;
  };
  closeInTheEnd(close);
  const lines = () =>
    logged
      .join("")
      .split("\n")
      .filter(Boolean)
      .map((line): Record<string, unknown> => JSON.parse(line));
  return { ...server, store, context, api, enqueued, stops, lines, footprint: () => footprintOf(store), close };
}

/** Another listener over the same records, with these routes before the API's own, or with other parts. */
export function beside({ api }: Running, { routes = [], api: others }: Pick<Starting, "routes" | "api">) {
  return serveApi({ ...api, ...others }, [...routes, ...everyRoute]);
}

/** Starts the application over the records of seed.ts. */
export async function startSeeded(starting: Starting = {}): Promise<Running> {
  const service = await start(starting);
  await seed(service.context);
  return service;
}

async function footprintOf({ db }: Store): Promise<unknown> {
  const { rows } = await sql`
    select (select jsonb_agg(record order by name) from tenants) as tenants, (select jsonb_agg(record order by tenant, name) from integrations) as integrations,
      (select count(*)::int from operations) as operations, (select count(*)::int from idempotency_keys) as answers,
      (select count(*)::int from audit where entry->>'phase' <> 'refusal') as audited`.execute(db);
  return rows[0];
}
