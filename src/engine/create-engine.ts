/** Puts the engine together: state, work folders, credentials and runners behind the one interface of engine.ts. */
import { readdir } from "node:fs/promises";
import path from "node:path";
import { type Problem, problemOf } from "../problem.ts";
import { statePlace, withStateProfile } from "./backend-url.ts";
import { cliVersion } from "./cli.ts";
import { credentialsText } from "./credentials-file.ts";
import type { Engine, UpdateRequest } from "./engine.ts";
import { cliEnvironment, operationMark, runnerEnvironment } from "./environment.ts";
import { identifyPlugin } from "./plugin.ts";
import { isMarkerAlive } from "./processes.ts";
import { startRunnerPool } from "./runner-pool.ts";
import type { RunOrder } from "./runner-protocol.ts";
import { type SecretsConfig, stackSettings } from "./stack-settings.ts";
import { openState } from "./state-backend.ts";
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
  async function prepare(request: UpdateRequest, mark: string, folder: string): Promise<RunOrder> {
    const { address, target, state: own } = request;
    const state = openState(address, own.credentials);
    try {
      // A destroy of a stack that was never made has nothing to do, but an answer to give.
      const checkpoint = (await state.readCheckpoint()) ?? (await state.createStack().then(() => undefined));
      await makeWorkFolder(folder, {
        stack: address.stack,
        settings: await stackSettings(config.secrets, checkpoint),
        credentials: credentialsText(own.credentials, target.credentials),
      });
      const environment = cliEnvironment(host, {
        folder,
        pulumiHome: config.pulumiHome,
        backendUrl: withStateProfile(address.backendUrl),
        mark,
        ...(config.secrets.provider === "passphrase" ? { passphrase: config.secrets.passphrase } : {}),
        ...(config.awsEndpoint ? { awsEndpoint: config.awsEndpoint } : {}),
        ...(config.extraEnvironment ? { extra: config.extraEnvironment } : {}),
        ...(request.action === "destroy" ? { ignoreProtect: true } : {}),
      });
      return {
        action: request.action,
        spec: request.spec,
        stack: address.stack,
        folder,
        environment,
        place: { accountId: target.accountId, region: target.region, pathStyle: config.awsEndpoint !== undefined },
        refresh: request.refresh ?? false,
        message: request.operationId,
      };
    } finally {
      state.close();
    }
  }

  return {
    async update(request, onStep, signal) {
      await Promise.all([plugin(), swept]);
      const mark = operationMark(request.operationId, request.epoch);
      // An operation may update several stacks side by side, each in a folder of its own.
      const folder = path.join(folders, mark, request.address.stack);
      try {
        const order = await prepare(request, mark, folder);
        const deadline = request.deadlineSeconds * 1000;
        return await pool.run(order, { onStep, onRunner: request.onRunner, signal, deadline });
      } finally {
        await dropWorkFolder(folder);
      }
    },
    async check() {
      const orProblem = <T>(work: Promise<T>): Promise<T | Problem> => work.catch(problemOf);
      const cli = cliVersion(config.cliRoot, runnerEnvironment(host, "")).then((version) => ({ version }));
      return { cli: await orProblem(cli), plugin: await orProblem(plugin()) };
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

/** Deletes work folders that an earlier life of the service left, except those whose operation still has a live process. */
async function sweep(folders: string): Promise<void> {
  const marks = await readdir(folders).catch((): string[] => []);
  const alive = await Promise.all(marks.map((operation) => isMarkerAlive({ operation })));
  await emptyFolder(folders, (name) => marks.indexOf(name) < 0 || alive[marks.indexOf(name)] === true);
}
