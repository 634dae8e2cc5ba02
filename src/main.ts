/** Puts the service together: config, log, store, engine, queue, HTTP; and takes it apart again on SIGTERM. */
import { randomBytes, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { collectDefaultMetrics, Registry } from "prom-client";
import { createAudit } from "./access/audit/audit.ts";
import { auditedRun } from "./access/audit/run.ts";
import { writeGates } from "./access/audit/write-gate.ts";
import { callerLookup } from "./access/identity/find-caller.ts";
import { tokenReader } from "./access/identity/oidc.ts";
import { openLimits } from "./access/limits/limits.ts";
import { leaveAloneWhatRefuses } from "./accounts/circuit.ts";
import { createSts, sessionSeconds } from "./accounts/sts.ts";
import { afterDeathOver } from "./app/after-death.ts";
import { openListeners } from "./app/listeners.ts";
import { diskFree, memoryLeft } from "./app/machine.ts";
import { measureBounds } from "./app/metrics.ts";
import { createReadiness } from "./app/readiness.ts";
import { keepAutomating } from "./app/timers.ts";
import { runVerb } from "./app/verbs.ts";
import { type Config, readConfig } from "./config.ts";
import { createEngine } from "./engine/create-engine.ts";
import type { Engine } from "./engine/engine.ts";
import type { EngineConfig } from "./engine/engine-config.ts";
import type { Services } from "./http/services.ts";
import type { Shell } from "./integrations/shell.ts";
import { createLog, faultFields, type Log } from "./log.ts";
import { createCancelRegistry } from "./operations/cancel.ts";
import { createFreeze, unlessFrozen } from "./operations/freeze.ts";
import { leaseTiming } from "./operations/lease-decision.ts";
import { deathOn } from "./operations/owner-liveness.ts";
import { openQueue } from "./operations/queue/open-queue.ts";
import { keepRecovering } from "./operations/recover.ts";
import { createRoom } from "./operations/room.ts";
import { operationHandler } from "./operations/run.ts";
import { ProblemError } from "./problem.ts";
import { isMarkerAlive, killByMarker, startTimeOf } from "./processes.ts";
import { createServices } from "./services.ts";
import { begin, finish, release } from "./store/idempotency.ts";
import { openStore, type Store } from "./store/store.ts";

/** The one caller that exists before any key: the operator who holds the admin token. */
function adminTokenOf(config: Config, log: Log): string {
  if (!config.adminToken) log.warn("DRAWBRIDGE_ADMIN_TOKEN isn't set: a random one is in force that nobody knows, so set it to get in");
  return config.adminToken ?? randomBytes(32).toString("base64url");
}

function idempotencyOver(store: Store): Services["idempotency"] {
  return {
    begin: (request) => begin(store.db, request),
    finish: (request, answer) => finish(store.db, request, answer),
    release: (request) => release(store.db, request),
  };
}

const packageFile = new URL(import.meta.url.endsWith(".ts") ? "../package.json" : "../../package.json", import.meta.url);

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog({ level: config.logLevel });
  const { version } = JSON.parse(await readFile(packageFile, "utf8")) as { version: string };
  const metrics = new Registry();
  collectDefaultMetrics({ register: metrics });
  const store = await openStore({ databaseUrl: config.databaseUrl, dataDir: config.dataDir, log });
  const reach = config.awsEndpoint ? { endpoint: config.awsEndpoint } : {};
  const sts = leaveAloneWhatRefuses(createSts({ ...reach, ...config }), store.db);
  // Loaded only where somebody listens.
  const tracing = config.collector && (await import("./tracing/export.ts")).traceExporter({ store, log, version }, config.collector);
  const engine = engineOf(config, tracing?.engineSpans);
  const queue = await openQueue({ store, log, concurrency: config.runners, perTenant: config.tenantRunners });
  const owner = randomUUID();
  const killing = { host: hostname(), killByMarker };
  const audit = createAudit({ db: store.db, log });
  const freeze = createFreeze({ store, queue, log, killing, owner });
  const limits = await openLimits(config.limits, config.databaseUrl);
  const isFrozen = async () => (await freeze.look()) !== undefined;
  const shell: Shell = {
    store,
    queue,
    engine,
    sts,
    reach,
    log,
    owner,
    writeGates: writeGates({ audit, isFrozen }),
    now: () => new Date().toISOString(),
    ...config,
  };
  const stopping = new AbortController();
  const folders = [config.dataDir, config.pulumiHome, tmpdir()];
  const room = createRoom({ ...config, memoryLeft, diskFree: () => diskFree(folders), log });
  measureBounds(metrics, { room, queue, db: store.db, folders });
  const readiness = createReadiness({ config, engine, store, draining: () => stopping.signal.aborted, frozen: freeze.seen, room });
  const identity = await sts.identity();
  const cancels = createCancelRegistry();
  const services = createServices({
    shell,
    metrics,
    version,
    servicePrincipal: principalOf(identity.arn),
    findCaller: callerLookup({ admin: adminTokenOf(config, log), db: store.db, readToken: tokenReader(config.issuers) }),
    security: { audit, freeze, limits },
    idempotency: idempotencyOver(store),
    cancels,
    killing,
    readiness,
  });
  const isDead = deathOn({ startTimeOf, isMarkerAlive, killByMarker });
  const plugin = await pluginOf(engine);
  const timing = { ...leaseTiming, session: sessionSeconds(config.operationSeconds) * 1_000 };
  const context = { store, log, timing, cancels, owner, isDead, room, plugin: () => plugin, ...(tracing && { ended: tracing.ended }) };
  const run = operationHandler(context, (operation) => (run) => auditedRun(audit, run, () => runVerb(shell, run, operation)));
  await queue.start(unlessFrozen(isFrozen, run));
  freeze.keepLooking(stopping.signal);
  const self = { owner, pid: process.pid, processStart: (await startTimeOf(process.pid)) ?? "", host: hostname() };
  const recovering = keepRecovering(
    { store, queue, log, self, isDead, timing, afterDeath: afterDeathOver(shell) },
    { everySeconds: 5, signal: stopping.signal },
  );
  const automating = keepAutomating(shell, { everySeconds: 30, keepDays: config.keepDays, signal: stopping.signal });
  const listeners = await openListeners(services, config, { log, lookSeconds: 30 });
  log.info("Drawbridge listens", { url: listeners.url, version, ...(plugin && { plugin }) });
  if (listeners.adminUrl) log.info("Administrators are listened to apart", { url: listeners.adminUrl });
  if (config.tls) process.on("SIGHUP", () => void listeners.reloadTls());

  const stop = async (signal: string) => {
    if (stopping.signal.aborted) return;
    log.info("Draining", { signal });
    stopping.abort();
    await queue.close({ graceSeconds: config.drainSeconds });
    await listeners.close(2_000);
    await audit.refusals.settle();
    await engine.close();
    await recovering;
    await automating;
    await limits.close();
    await store.close();
    log.info("Drained");
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(
      signal,
      () =>
        void stop(signal)
          .catch((error) => {
            log.error("Draining failed", faultFields(error));
            process.exitCode = 1;
          })
          .finally(() => process.exit()),
    );
  }
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

/** A trust policy names a role, never one of its sessions. */
function principalOf(callerArn: string): string {
  const session = /^arn:([^:]+):sts::(\d{12}):assumed-role\/([^/]+)\//.exec(callerArn);
  return session ? `arn:${session[1]}:iam::${session[2]}:role/${session[3]}` : callerArn;
}

/** @throws ProblemError `program_not_pinned`: nothing is served by programs that nobody vouched for */
async function pluginOf(engine: Engine): Promise<"official" | "stand-in" | undefined> {
  const { cli, plugin } = await engine.check();
  for (const found of [cli, plugin])
    if ("code" in found && found.code === "program_not_pinned") throw new ProblemError(found.code, found.detail);
  return "code" in plugin ? undefined : plugin.plugin;
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
