/** One runner as a separate process: starts it, checks that it lives, and ends it with all that it started. */
import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { ProblemError } from "../../problem.ts";
import { killByMarker, startTimeOf } from "../../processes.ts";
import type { RunnerIdentity } from "../engine.ts";
import { runnerEnvironment } from "../environment.ts";
import type { FromRunner, ToRunner } from "./runner-protocol.ts";

export interface RunnerSettings {
  cliRoot: string;
  /** URL of the module whose `programs` the runners run */
  registry: string;
  pulumiHome: string;
  /** Folder for Node's compiled modules */
  compileCache: string;
  host: Record<string, string | undefined>;
}

export interface Runner {
  uuid: string;
  child: ChildProcess;
  /** Resolves when Pulumi is loaded. Rejects if the process ends before that. */
  ready: Promise<void>;
  updates: number;
}

const runnerFile = new URL(import.meta.url.endsWith(".ts") ? "./runner.ts" : "./runner.js", import.meta.url);

/** Forks a runner. It then begins to load Pulumi. */
export function startRunner(settings: RunnerSettings): Runner {
  const uuid = randomUUID();
  const child = fork(runnerFile, [settings.cliRoot, settings.registry, uuid], {
    env: runnerEnvironment(settings.host, { ...settings, runner: uuid }),
    execArgv: [],
    // The output of programs may hold documents and ids. Everything that we need comes over the IPC channel.
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const ready = new Promise<void>((resolve, reject) => {
    const failed = () => reject(new ProblemError("not_ready", "A runner couldn't load Pulumi. Run the set-up again."));
    child.on("error", failed);
    child.once("exit", failed);
    child.on("message", (message: FromRunner) => message.type === "ready" && resolve());
  });
  ready.catch(() => {});
  return { uuid, child, ready, updates: 0 };
}

/** Whether the runner's process still runs. */
export function isLive({ child }: Runner): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** Sends the runner a message, unless it is gone. */
export function send({ child }: Runner, message: ToRunner): void {
  if (child.connected) child.send(message, () => {});
}

/** The runner's identity, as a lease records it. */
export async function identityOf({ uuid, child }: Runner): Promise<RunnerIdentity> {
  const pid = child.pid ?? 0;
  return { uuid, pid, startTime: (await startTimeOf(pid)) ?? "" };
}

/** Kills the runner, and with it the CLI and its plugins. */
export async function endRunner(runner: Runner): Promise<void> {
  const { child, uuid } = runner;
  if (isLive(runner)) {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }
  // The CLI and its plugins inherit the runner's marker.
  await killByMarker({ runner: uuid }, { graceMs: 0 });
}
