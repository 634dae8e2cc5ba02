/** Builds the service: log, store, engine, queue, access and limits. It starts no work and opens no port yet. */
import { randomBytes, randomUUID } from "node:crypto";
import { hostname, tmpdir } from "node:os";
import { collectDefaultMetrics, Registry } from "prom-client";
import { createAudit } from "../access/audit/audit.ts";
import { writeGates } from "../access/audit/write-gate.ts";
import { callerLookup } from "../access/identity/find-caller.ts";
import { tokenReader } from "../access/identity/oidc.ts";
import { rightsLookup } from "../access/identity/rights.ts";
import { openLimits } from "../access/limits/limits.ts";
import { leaveAloneWhatRefuses } from "../accounts/circuit.ts";
import { createSts } from "../accounts/sts.ts";
import type { Config } from "../config.ts";
import { createEngine } from "../engine/create-engine.ts";
import type { Engine } from "../engine/engine.ts";
import type { EngineConfig } from "../engine/engine-config.ts";
import type { Api } from "../http/server/api.ts";
import type { Context } from "../integrations/context.ts";
import type { Log } from "../log.ts";
import { createCancelRegistry } from "../operations/cancel.ts";
import { type Capacity, createCapacity } from "../operations/capacity.ts";
import { createFreeze } from "../operations/freeze.ts";
import { openQueue } from "../operations/queue/open-queue.ts";
import { killByMarker } from "../processes.ts";
import { refusalCount } from "../store/account-refusals.ts";
import { integrationReader } from "../store/integration-reader.ts";
import { openStore } from "../store/store.ts";
import { diskFree, memoryLeft } from "./machine.ts";
import { measureBounds } from "./metrics.ts";
import { createReadiness } from "./readiness.ts";

export interface Composed {
  api: Api;
  capacity: Capacity;
  /** Called when a run has ended, if traces are sent. */
  ended?: (operation: string) => void;
  isFrozen(): Promise<boolean>;
}

/** `stopping` aborts when the service shuts down. From then on the service isn't ready. */
export async function compose(
  config: Config,
  { log, version, stopping }: { log: Log; version: string; stopping: AbortSignal },
): Promise<Composed> {
  const metrics = new Registry();
  collectDefaultMetrics({ register: metrics });
  const store = await openStore({ databaseUrl: config.databaseUrl, dataDir: config.dataDir, log });
  const reach = config.awsEndpoint ? { endpoint: config.awsEndpoint } : {};
  const sts = leaveAloneWhatRefuses(createSts({ ...reach, ...config }), (tenant) => refusalCount(store.db, tenant));
  // Loaded only if traces are sent.
  const tracing = config.collector && (await import("../tracing/export.ts")).traceExporter({ store, log, version }, config.collector);
  const engine = engineOf(config, tracing?.engineSpans);
  const queue = await openQueue({ store, log, concurrency: config.runners, perTenant: config.tenantRunners });
  const owner = randomUUID();
  const killing = { host: hostname(), killByMarker };
  const audit = createAudit({ db: store.db, log });
  const freeze = createFreeze({ store, queue, log, killing, owner });
  const isFrozen = async () => (await freeze.look()) !== undefined;
  const now = () => new Date().toISOString();
  const rightsOf = rightsLookup({ db: store.db, issuers: config.issuers });
  const gates = writeGates({ audit, isFrozen });
  const context: Context = { store, queue, engine, sts, reach, log, owner, writeGates: gates, now, rightsOf, ...config };
  const folders = [config.dataDir, config.pulumiHome, tmpdir()];
  const capacity = createCapacity({ ...config, memoryLeft, diskFree: () => diskFree(folders), log });
  measureBounds(metrics, { capacity, queue, db: store.db, folders });
  const api: Api = {
    context,
    metrics,
    version,
    servicePrincipal: principalOf((await sts.identity()).arn),
    findCaller: callerLookup({ admin: adminTokenOf(config, log), db: store.db, readToken: tokenReader(config.issuers) }),
    audit,
    freeze,
    limits: await openLimits(config.limits, config.databaseUrl),
    cancels: createCancelRegistry(),
    killing,
    readIntegration: integrationReader(store.db),
    readiness: createReadiness({ config, engine, store, draining: () => stopping.aborted, frozen: freeze.seen, capacity }),
  };
  return { api, capacity, isFrozen, ...(tracing && { ended: tracing.ended }) };
}

/** The operator with the admin token is the only caller before the first key. */
function adminTokenOf(config: Config, log: Log): string {
  if (!config.adminToken)
    log.warn("DRAWBRIDGE_ADMIN_TOKEN isn't set, so the service uses a random token that nobody knows. Set it to get access");
  return config.adminToken ?? randomBytes(32).toString("base64url");
}

function engineOf(config: Config, onSpans: EngineConfig["onSpans"]): Engine {
  const { host: _host, ...rest } = config;
  return createEngine({
    ...rest,
    cliRoot: config.cliRoot ?? "",
    recycleAfter: 50,
    ...(onSpans && { onSpans }),
    ...(config.standInFail && { extraEnvironment: { DRAWBRIDGE_STAND_IN_FAIL: config.standInFail } }),
  });
}

/** A trust policy names a role, not one of its sessions. */
function principalOf(callerArn: string): string {
  const session = /^arn:([^:]+):sts::(\d{12}):assumed-role\/([^/]+)\//.exec(callerArn);
  return session ? `arn:${session[1]}:iam::${session[2]}:role/${session[3]}` : callerArn;
}
