/** Puts the engine together: state, work folders, credentials and runners behind the one interface of engine.ts. */
import path from "node:path";
import type { StackAddress } from "../../stacks/stack.ts";
import { type Problem, problemOf } from "../problem.ts";
import type { Credentials, Engine } from "./engine.ts";
import type { EngineConfig } from "./engine-config.ts";
import { lookInstalled } from "./installed/installed.ts";
import { startRunnerPool } from "./runner/runner-pool.ts";
import { clearDeadLocks, readSound } from "./state/repair.ts";
import { openState, type StateBackend } from "./state/state-backend.ts";
import { updateStack } from "./update-stack.ts";
import { keepNoLogs, sweepWorkFolders } from "./work-folder.ts";

const here = import.meta.url;
const programRegistry = new URL(`../../programs/registry${here.endsWith(".ts") ? ".ts" : ".js"}`, here).href;
const maxRunnerBytes = 600 * 1024 * 1024;

/** Makes an engine and starts its runners. The engine has no credentials of its own: every request brings its two. */
export function createEngine(config: EngineConfig): Engine {
  const host = config.host ?? process.env;
  const folders = path.join(config.dataDir, "work");
  const swept = Promise.all([sweepWorkFolders(folders), keepNoLogs(config.pulumiHome)]);
  swept.catch(() => {});
  const installed = lookInstalled(config, host, swept);
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

  return {
    async update(request, onStep, signal) {
      await Promise.all([installed.expectPinned(), swept]);
      const options = { onStep, onRunner: request.onRunner, signal, deadline: request.deadlineSeconds * 1000 };
      const surroundings = { config, folders, host, pool };
      return withState(request.address, request.state.credentials, (state) => updateStack(surroundings, request, state, options));
    },
    readState: (address, credentials) => withState(address, credentials, (state) => state.readCheckpoint()),
    soundState: (address, credentials) => withState(address, credentials, readSound),
    clearLocks: (address, credentials, writer) => withState(address, credentials, (state) => clearDeadLocks(state, writer)),
    removeStack: (address, credentials, options) => withState(address, credentials, (state) => state.removeStack(options)),
    async check() {
      const orProblem = <T>(work: Promise<T>): Promise<T | Problem> => work.catch(problemOf);
      return { cli: await orProblem(installed.cli()), plugin: await orProblem(installed.plugin()) };
    },
    close: () => pool.close(),
  };
}

async function withState<T>(address: StackAddress, credentials: Credentials, work: (state: StateBackend) => Promise<T>): Promise<T> {
  const state = openState(address, credentials);
  return work(state).finally(() => state.close());
}
