/** The API over the real services and a real store, without a worker: what a request decides and records before any AWS call. */
import { Registry } from "prom-client";
import { createAudit } from "../../src/access/audit/audit.ts";
import { callerOfKey } from "../../src/access/identity/api-keys.ts";
import { type LimitSettings, openLimits, usualLimits } from "../../src/access/limits/limits.ts";
import type { Shell } from "../../src/integrations/shell.ts";
import { createCancelRegistry } from "../../src/operations/cancel.ts";
import { createFreeze } from "../../src/operations/freeze.ts";
import type { Queue } from "../../src/operations/queue/queue.ts";
import { createServices } from "../../src/services.ts";
import { begin, finish, release } from "../../src/store/idempotency.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { backends, type Opened, silent } from "../store/backends.ts";
import { callers, type Running, start } from "./support.ts";

export interface RealService extends Running {
  store: Store;
  shell: Shell;
  /** The keys of the jobs that requests made. */
  enqueued: string[];
  /** What the freeze did to this process's queue. */
  stops: string[];
}

const untouched = <T extends object>(name: string): T =>
  new Proxy({} as T, {
    get: (_target, property) => {
      throw new Error(`${name}.${String(property)} was used by a request`);
    },
  });

async function openAnew(): Promise<Opened> {
  const [backend] = backends;
  if (!backend) throw new Error("there is no store to test on");
  return backend.open();
}

/** One replica's connections to a database that others use too. */
async function openShared(databaseUrl: string): Promise<Opened> {
  const store = await openStore({ databaseUrl, dataDir: "", log: silent });
  return { store, remove: () => store.close() };
}

/**
 * Starts it on a free port with the callers of support.ts and the API keys that are made; `close` removes the store. With a
 * `databaseUrl` it is a replica on that database: it shares the limits and keeps looking for a freeze.
 */
export async function startReal(settings: LimitSettings = usualLimits, databaseUrl?: string): Promise<RealService> {
  const opened = databaseUrl === undefined ? await openAnew() : await openShared(databaseUrl);
  const { store } = opened;
  const { db } = store;
  const enqueued: string[] = [];
  const stops: string[] = [];
  const queue: Queue = {
    ...untouched<Queue>("queue"),
    enqueue: async (_trx, job) => void enqueued.push(job.key),
    pause: async () => void stops.push("pause"),
    resume: async () => void stops.push("resume"),
    interrupt: () => void stops.push("interrupt"),
  };
  const shell: Shell = {
    store,
    queue,
    engine: untouched("engine"),
    sts: untouched("sts"),
    reach: {},
    writeGates: () => async (_write, send) => send(),
    log: silent,
    stateUrl: "s3://drawbridge-state?region=us-east-1",
    ownCredentials: false,
    operationSeconds: 60,
    owner: "test",
    secretsDir: "/nowhere",
    now: () => new Date().toISOString(),
  };
  const killing = { host: "here", killByMarker: async () => {} };
  const freeze = createFreeze({ store, queue, log: silent, killing, owner: "test" });
  const limits = await openLimits(settings, databaseUrl);
  const closing = new AbortController();
  if (databaseUrl !== undefined) freeze.keepLooking(closing.signal);
  const services = createServices({
    shell,
    metrics: new Registry(),
    version: "0.1.0",
    servicePrincipal: "arn:aws:iam::444455556666:role/Drawbridge",
    findCaller: async (token) => callers[token] ?? callerOfKey(db, token),
    idempotency: {
      begin: (request) => begin(db, request),
      finish: (request, answer) => finish(db, request, answer),
      release: (request) => release(db, request),
    },
    security: {
      audit: createAudit({ db, log: silent }),
      freeze,
      limits,
    },
    cancels: createCancelRegistry(),
    killing,
    readiness: async () => ({ ready: true, checks: [] }),
  });
  const service = await start(services);
  const close = async () => {
    closing.abort();
    await service.close();
    await limits.close();
    await opened.remove();
  };
  return { ...service, store, shell, enqueued, stops, close };
}
