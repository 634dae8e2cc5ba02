/** Reads the configuration, builds the service, starts its work and its listeners, and shuts it down on SIGTERM. */
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { auditedRun } from "./access/audit/run.ts";
import { sessionSeconds } from "./accounts/sts.ts";
import { clearingStaleLocks } from "./app/clear-stale-locks.ts";
import { type Composed, compose } from "./app/compose.ts";
import { type Listeners, openListeners } from "./app/listeners.ts";
import { keepAutomating } from "./app/timers.ts";
import { runVerb } from "./app/verbs.ts";
import { type Config, readConfig } from "./config.ts";
import type { Engine } from "./engine/engine.ts";
import { createLog, faultFields, type Log } from "./log.ts";
import { unlessFrozen } from "./operations/freeze.ts";
import { leaseTiming } from "./operations/lease-decision.ts";
import { ownerLiveness } from "./operations/owner-liveness.ts";
import { keepRecovering, type RecoveryContext } from "./operations/recover.ts";
import { operationHandler, type RunContext } from "./operations/run.ts";
import { ProblemError } from "./problem.ts";
import { isMarkerAlive, killByMarker, startTimeOf } from "./processes.ts";

const packageFile = new URL(import.meta.url.endsWith(".ts") ? "../package.json" : "../../package.json", import.meta.url);

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog({ level: config.logLevel });
  const { version } = JSON.parse(await readFile(packageFile, "utf8")) as { version: string };
  const stopping = new AbortController();
  const composed = await compose(config, { log, version, stopping: stopping.signal });
  const plugin = await pluginOf(composed.api.context.engine);
  const working = await beginWork(composed, { config, log, plugin, signal: stopping.signal });
  const listeners = await openListeners(composed.api, config, { log, lookSeconds: 30 });
  log.info("Drawbridge listens", { url: listeners.url, version, ...(plugin && { plugin }) });
  if (listeners.adminUrl) log.info("Administrators have a listener of their own", { url: listeners.adminUrl });
  if (config.tls) process.on("SIGHUP", () => void listeners.reloadTls());
  endOnSignals(log, async (signal) => {
    if (stopping.signal.aborted) return;
    log.info("Draining", { signal });
    stopping.abort();
    await takeApart(composed, { listeners, working, drainSeconds: config.drainSeconds });
    log.info("Drained");
  });
}

interface Work {
  config: Config;
  log: Log;
  plugin: "official" | "stand-in" | undefined;
  signal: AbortSignal;
}

/** Starts the queue, the recovery and the timers. Returns the promises that end after the signal has aborted. */
async function beginWork({ api, capacity, isFrozen, ended }: Composed, { config, log, plugin, signal }: Work): Promise<Promise<void>[]> {
  const { context } = api;
  const { store, queue, owner } = context;
  const isDead = ownerLiveness({ startTimeOf, isMarkerAlive, killByMarker });
  const timing = { ...leaseTiming, session: sessionSeconds(config.operationSeconds) * 1_000 };
  const runContext: RunContext = {
    store,
    log,
    timing,
    cancels: api.cancels,
    owner,
    isDead,
    capacity,
    plugin: () => plugin,
    ...(ended && { ended }),
  };
  const run = operationHandler(runContext, (operation) => (run) => auditedRun(api.audit, run, () => runVerb(context, run, operation)));
  await queue.start(unlessFrozen(isFrozen, run));
  api.freeze.keepLooking(signal);
  const self = { owner, pid: process.pid, processStart: (await startTimeOf(process.pid)) ?? "", host: hostname() };
  const recovery: RecoveryContext = { store, queue, log, self, isDead, timing, clearStaleLocks: clearingStaleLocks(context) };
  return [
    keepRecovering(recovery, { everySeconds: 5, signal }),
    keepAutomating(context, { everySeconds: 30, keepDays: config.keepDays, signal }),
  ];
}

interface Running {
  listeners: Listeners;
  working: readonly Promise<void>[];
  drainSeconds: number;
}

/** The service answers requests while operations end. The store closes last, because everything writes to it. */
async function takeApart({ api }: Composed, { listeners, working, drainSeconds }: Running): Promise<void> {
  const { store, queue, engine } = api.context;
  await queue.close({ graceSeconds: drainSeconds });
  await listeners.close(2_000);
  await api.audit.refusals.settle();
  await engine.close();
  await Promise.all(working);
  await api.limits.close();
  await store.close();
}

function endOnSignals(log: Log, stop: (signal: string) => Promise<void>): void {
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

/** @throws ProblemError `program_not_pinned`: the service doesn't start with programs that nobody pinned */
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
