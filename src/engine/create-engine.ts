/** Puts the engine together: state, work folders, credentials and runners behind the one interface of engine.ts. */
import { readdir } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";
import type { StackSpec } from "../../stacks/stack.ts";
import { type Problem, type ProblemCode, ProblemError, problemOf } from "../problem.ts";
import { statePlace, withStateProfile } from "./backend-url.ts";
import { cliVersion } from "./cli.ts";
import { credentialsText } from "./credentials-file.ts";
import type { Engine, UpdateRequest } from "./engine.ts";
import { cliEnvironment, operationMark, runnerEnvironment } from "./environment.ts";
import { identifyPlugin } from "./plugin.ts";
import { isAlive, isMarkerAlive } from "./processes.ts";
import { startRunnerPool } from "./runner-pool.ts";
import type { RunOrder } from "./runner-protocol.ts";
import { type SecretsConfig, stackSettings } from "./stack-settings.ts";
import { type Checkpoint, openState, type StateBackend } from "./state-backend.ts";
import { dropWorkFolder, emptyFolder, makeWorkFolder } from "./work-folder.ts";

export interface EngineConfig {
  /** Holds `bin/pulumi` */
  cliRoot: string;
  /** Holds `plugins/`; its logs are emptied regularly */
  pulumiHome: string;
  /** Work folders are made below it, one per operation */
  dataDir: string;
  /** The service's state URL, `s3://bucket[/prefix]?region=…` */
  stateUrl: string;
  secrets: SecretsConfig;
  /** Where AWS is, when it isn't AWS: the sandbox's emulator */
  awsEndpoint?: string;
  /** How many updates may run side by side */
  runners: number;
  /** Updates per runner */
  recycleAfter: number;
  /** Sandbox and tests: more variables for the CLI and its plugin */
  extraEnvironment?: Record<string, string>;
  /** Tests: URL of another module whose `programs` the runners run */
  registry?: string;
  /** milliseconds between an interrupt and the kill; 60,000 unless given */
  graceMs?: number;
  /** The variables that the allow-list picks from (PATH, proxies); the process's own unless given */
  host?: Record<string, string | undefined>;
}

const here = import.meta.url;
const programRegistry = new URL(`../../programs/registry${here.endsWith(".ts") ? ".ts" : ".js"}`, here).href;
const maxRunnerBytes = 600 * 1024 * 1024;
const logsKeptMs = 10 * 60_000;

/** Makes an engine and starts its runners. It uses no credential of its own: every request brings its two. */
export function createEngine(config: EngineConfig): Engine {
  const host = config.host ?? process.env;
  const folders = path.join(config.dataDir, "work");
  const endpoints = [config.awsEndpoint, statePlace(config.stateUrl).endpoint];
  const plugin = () => identifyPlugin(config.pulumiHome, endpoints);
  // Asking starts a process, and readiness is asked often.
  let known: Promise<{ version: string }> | undefined;
  const cli = () => {
    known ??= cliVersion(config.cliRoot, runnerEnvironment(host, "")).then((version) => ({ version }));
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
    host,
  });

  /** The CLI logs what it does at every start; nobody reads that, and it may hold documents. */
  const emptyLogs = () => emptyFolder(path.join(config.pulumiHome, "logs"), () => false);
  const logTimer = setInterval(() => void emptyLogs().catch(() => {}), logsKeptMs);
  logTimer.unref();
  const swept = sweep(folders).then(emptyLogs);
  swept.catch(() => {});

  /** Everything an update needs, laid out in its folder. The credentials are in a file there and nowhere else. */
  async function prepare(request: UpdateRequest, state: StateBackend, mark: string, folder: string): Promise<RunOrder> {
    const { address, target } = request;
    // A destroy of a stack that was never made has nothing to do, but an answer to give.
    const checkpoint = await state.readCheckpoint();
    if (!checkpoint) await state.createStack();
    await makeWorkFolder(folder, {
      stack: address.stack,
      settings: await stackSettings(config.secrets, checkpoint),
      credentials: credentialsText(request.state.credentials, target.credentials),
    });
    const environment = cliEnvironment(host, {
      folder,
      pulumiHome: config.pulumiHome,
      backendUrl: withStateProfile(address.backendUrl),
      mark,
      ...(config.secrets.provider === "passphrase" ? { passphrase: config.secrets.passphrase } : {}),
      ...(config.awsEndpoint ? { awsEndpoint: config.awsEndpoint } : {}),
      ...(config.extraEnvironment ? { extra: config.extraEnvironment } : {}),
      ignoreProtect: request.action === "destroy",
    });
    return {
      action: request.action,
      spec: request.spec,
      stack: address.stack,
      folder,
      environment,
      place: {
        accountId: target.accountId,
        region: target.region,
        pathStyle: config.awsEndpoint !== undefined,
        adopting: isAdoption(request.spec, checkpoint),
      },
      refresh: request.refresh ?? false,
      message: request.operationId,
    };
  }

  return {
    async update(request, onStep, signal) {
      await Promise.all([plugin(), swept]);
      const started = new Date();
      const mark = operationMark(request.operationId, request.epoch);
      // An operation may update several stacks side by side, each in a folder of its own.
      const folder = path.join(folders, mark, request.address.stack);
      const state = openState(request.address, request.state.credentials);
      const wishes = { onStep, onRunner: request.onRunner, signal, deadline: request.deadlineSeconds * 1000 };
      try {
        const order = await prepare(request, state, mark, folder);
        if (!order.place.adopting || request.action !== "up") return await pool.run(order, wishes);
        const adopted = await pool.run(order, wishes);
        const changed = await pool.run({ ...order, place: { ...order.place, adopting: false } }, wishes);
        return { ...changed, steps: [...adopted.steps, ...changed.steps], duration: adopted.duration + changed.duration };
      } catch (error) {
        if (diedInside(error)) await removeOwnLock(state, started).catch(() => {});
        throw error;
      } finally {
        state.close();
        await dropWorkFolder(folder);
      }
    },
    async check() {
      const orProblem = <T>(work: Promise<T>): Promise<T | Problem> => work.catch(problemOf);
      return { cli: await orProblem(cli()), plugin: await orProblem(plugin()) };
    },
    async removeStack(address, credentials) {
      const state = openState(address, credentials);
      await state.removeStack().finally(() => state.close());
    },
    async close() {
      clearInterval(logTimer);
      await pool.close();
    },
  };
}

/** Whether this update takes a retained key into a state that doesn't hold it: that takes two runs (programs/kms-key.ts). */
function isAdoption(spec: StackSpec, checkpoint: Checkpoint | undefined): boolean {
  if (spec.kind !== "kms-key" || !("adoptKeyId" in spec.inputs) || spec.inputs.adoptKeyId === undefined) return false;
  return !checkpoint?.resources.some(({ type }) => type === "aws:kms/key:Key");
}

const deaths: readonly ProblemCode[] = ["operation_timeout", "operation_interrupted", "update_unknown"];
const diedInside = (error: unknown) => error instanceof ProblemError && deaths.includes(error.problem.code);

/**
 * Removes the lock that a killed CLI left: written since the update began, on this host, by a process that is gone. The
 * pool has ended every process of the update by now, and the caller's lease keeps others off the stack.
 */
async function removeOwnLock(state: StateBackend, since: Date): Promise<void> {
  for (const lock of await state.listLocks()) {
    // The lock's time has whole seconds.
    const isOurs = lock.hostname === hostname() && Date.parse(lock.at) >= since.getTime() - 1000;
    if (isOurs && !(await isAlive(lock.pid))) await state.removeLock(lock.key);
  }
}

/** Deletes work folders that an earlier life of the service left, except those whose operation still has a live process. */
async function sweep(folders: string): Promise<void> {
  const marks = await readdir(folders).catch((): string[] => []);
  const alive = await Promise.all(marks.map((operation) => isMarkerAlive({ operation })));
  await emptyFolder(folders, (name) => marks.indexOf(name) < 0 || alive[marks.indexOf(name)] === true);
}
