/** The API over the real services and a real store, without a worker: what a request decides and records before any AWS call. */
import { Registry } from "prom-client";
import { createAudit } from "../../src/audit/audit.ts";
import { readManifestSpec } from "../../src/http/manifests.ts";
import { callerOfKey } from "../../src/identity/api-keys.ts";
import { type LimitSettings, openLimits, usualLimits } from "../../src/identity/limits.ts";
import type { Shell } from "../../src/integrations/shell.ts";
import { createCancelRegistry } from "../../src/operations/cancel.ts";
import { createFreeze } from "../../src/operations/freeze.ts";
import type { Queue } from "../../src/operations/queue.ts";
import { createServices } from "../../src/services.ts";
import { begin, finish, release } from "../../src/store/idempotency.ts";
import type { Store } from "../../src/store/store.ts";
import { backends, silent } from "../store/backends.ts";
import { callers, type Running, start } from "./support.ts";

export interface RealService extends Running {
  store: Store;
  shell: Shell;
  /** The keys of the jobs that requests made. */
  enqueued: string[];
}

const untouched = <T extends object>(name: string): T =>
  new Proxy({} as T, {
    get: (_target, property) => {
      throw new Error(`${name}.${String(property)} was used by a request`);
    },
  });

/** Starts it on a free port with the callers of support.ts and the API keys that are made; `close` removes the store. */
export async function startReal(limits: LimitSettings = usualLimits): Promise<RealService> {
  const [backend] = backends;
  if (!backend) throw new Error("there is no store to test on");
  const opened = await backend.open();
  const { store } = opened;
  const { db } = store;
  const enqueued: string[] = [];
  const queue: Queue = {
    ...untouched<Queue>("queue"),
    enqueue: async (_trx, job) => void enqueued.push(job.key),
    pause: async () => {},
    resume: async () => {},
    interrupt: () => {},
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
    readSpec: readManifestSpec,
    now: () => new Date().toISOString(),
  };
  const killing = { host: "here", killByMarker: async () => {} };
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
      freeze: createFreeze({ store, queue, log: silent, killing, owner: "test" }),
      limits: await openLimits(limits),
    },
    cancels: createCancelRegistry(),
    killing,
    readiness: async () => ({ ready: true, checks: [] }),
  });
  const service = await start(services);
  const close = async () => {
    await service.close();
    await opened.remove();
  };
  return { ...service, store, shell, enqueued, close };
}
