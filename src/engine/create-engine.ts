/** Puts the engine together: state, work folders, credentials and runners behind the one interface of engine.ts. */
import { readdir } from "node:fs/promises";
import path from "node:path";
import { type Problem, type ProblemCode, ProblemError, problemOf } from "../problem.ts";
import { isMarkerAlive } from "../processes.ts";
import { statePlace } from "./backend-url.ts";
import { cliPath, cliVersion } from "./cli.ts";
import { cliSpansIn } from "./cli-spans.ts";
import type { Engine, UpdateRequest, UpdateResult } from "./engine.ts";
import type { EngineConfig } from "./engine-config.ts";
import { bareEnvironment, operationMark } from "./environment.ts";
import { layOut, runsFor, together } from "./orders.ts";
import { pinChecks } from "./pins.ts";
import { identifyPlugin, isLoopback, pluginPath } from "./plugin.ts";
import { type RunWishes, startRunnerPool } from "./runner-pool.ts";
import { openState, type StateBackend } from "./state-backend.ts";
import { clearDeadLocks, readSound } from "./state-repair.ts";
import { dropWorkFolder, emptyFolder, keepNoLogs } from "./work-folder.ts";

const here = import.meta.url;
const programRegistry = new URL(`../../programs/registry${here.endsWith(".ts") ? ".ts" : ".js"}`, here).href;
const maxRunnerBytes = 600 * 1024 * 1024;

/** Makes an engine and starts its runners. It uses no credential of its own: every request brings its two. */
export function createEngine(config: EngineConfig): Engine {
  const host = config.host ?? process.env;
  const folders = path.join(config.dataDir, "work");
  const endpoints = [config.awsEndpoint, statePlace(config.stateUrl).endpoint];
  const checkPin = pinChecks();
  const mustBePinned = !endpoints.every((endpoint) => endpoint !== undefined && isLoopback(endpoint));
  const pinned = async (what: string, file: string, pin: string | undefined) => {
    if (pin !== undefined) await checkPin(what, file, pin);
    else if (mustBePinned)
      throw new ProblemError("program_not_pinned", `${what} has no pinned SHA-256. npm run setup prints the settings.`);
  };
  const plugin = async () => {
    const identity = await identifyPlugin(config.pulumiHome, endpoints);
    await pinned("The AWS plugin", pluginPath(config.pulumiHome), config.pins?.plugin);
    return identity;
  };
  const swept = Promise.all([sweep(folders), keepNoLogs(config.pulumiHome)]);
  swept.catch(() => {});
  // Asking starts a process, and readiness is asked often.
  let known: Promise<{ version: string }> | undefined;
  const cliPinned = () => pinned("The Pulumi CLI", cliPath(config.cliRoot), config.pins?.cli);
  const cli = async () => {
    await cliPinned();
    known ??= swept.then(() => cliVersion(config.cliRoot, bareEnvironment(host, config.pulumiHome))).then((version) => ({ version }));
    known.catch(() => {
      known = undefined;
    });
    return known;
  };
  const pool = startRunnerPool({
    size: config.runners,
    recycleAfter: config.recycleAfter,
    maxRss: maxRunnerBytes,
    graceMs: config.graceMs ?? 60_000,
    cliRoot: config.cliRoot,
    registry: config.registry ?? programRegistry,
    pulumiHome: config.pulumiHome,
    compileCache: config.compileCache ?? path.join(config.dataDir, "compile-cache"),
    host,
  });

  async function update(request: UpdateRequest, state: StateBackend, wishes: RunWishes): Promise<UpdateResult> {
    const mark = operationMark(request.operationId, request.epoch);
    // An operation may update several stacks side by side, each in a folder of its own.
    const folder = path.join(folders, mark, request.address.stack);
    // A destroy of a stack that was never made has nothing to do, but an answer to give.
    const checkpoint = await state.readCheckpoint();
    if (!checkpoint) await state.createStack();
    const run = async () => {
      const order = await layOut(config, request, checkpoint, { folder, mark, host });
      const results: UpdateResult[] = [];
      for (const part of runsFor(order, request, checkpoint)) results.push(await pool.run(part, wishes));
      return together(results);
    };
    try {
      return await run();
    } catch (error) {
      // The lock may be a dead process's; its own dead CLI's lock an update takes back in any case.
      if (codeOf(error) === "stack_locked" && (await clearDeadLocks(state)) > 0) return await run();
      if (deaths.includes(codeOf(error))) await clearDeadLocks(state).catch(() => 0);
      throw error;
    } finally {
      const spans = config.onSpans ? await cliSpansIn(folder) : [];
      await dropWorkFolder(folder);
      config.onSpans?.(request.operationId, spans);
    }
  }

  return {
    async update(request, onStep, signal) {
      await Promise.all([plugin(), cliPinned(), swept]);
      const state = openState(request.address, request.state.credentials);
      const wishes = { onStep, onRunner: request.onRunner, signal, deadline: request.deadlineSeconds * 1000 };
      return await update(request, state, wishes).finally(() => state.close());
    },
    async readState(address, credentials) {
      const state = openState(address, credentials);
      return await state.readCheckpoint().finally(() => state.close());
    },
    async soundState(address, credentials) {
      const state = openState(address, credentials);
      return await readSound(state).finally(() => state.close());
    },
    async clearLocks(address, credentials, host) {
      const state = openState(address, credentials);
      return await clearDeadLocks(state, host).finally(() => state.close());
    },
    async check() {
      const orProblem = <T>(work: Promise<T>): Promise<T | Problem> => work.catch(problemOf);
      return { cli: await orProblem(cli()), plugin: await orProblem(plugin()) };
    },
    async removeStack(address, credentials, options) {
      const state = openState(address, credentials);
      await state.removeStack(options).finally(() => state.close());
    },
    async close() {
      await pool.close();
    },
  };
}

const deaths: readonly ProblemCode[] = ["operation_timeout", "operation_interrupted", "update_unknown"];
const codeOf = (error: unknown) => problemOf(error).code;

/** Deletes work folders that an earlier life of the service left, except those whose operation still has a live process. */
async function sweep(folders: string): Promise<void> {
  const marks = await readdir(folders).catch((): string[] => []);
  const alive = await Promise.all(marks.map((operation) => isMarkerAlive({ operation })));
  await emptyFolder(folders, (name) => marks.indexOf(name) < 0 || alive[marks.indexOf(name)] === true);
}
