/**
 * The child process that loads Pulumi: one update at a time, told over IPC. Started by runner-process.ts with three
 * arguments: the CLI's root, the module whose `programs` it runs, and the uuid that its environment carries.
 */

import { flushCompileCache } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { PulumiCommand } from "@pulumi/pulumi/automation/index.js";
import { problemOf } from "../../problem.ts";
import { killByMarker } from "../../processes.ts";
import { dropWorkFolder } from "../work-folder.ts";
import { type Programs, runUpdate } from "./pulumi-update.ts";
import type { FromRunner, RunOrder, ToRunner } from "./runner-protocol.ts";

const [cliRoot = "", registry = "", uuid = ""] = process.argv.slice(2);
let running: { abort: AbortController; done: Promise<void>; folder: string } | undefined;

/** A lease ends 30 s after its last heartbeat (src/operations). */
const orphanGraceMs = 10_000;

function say(message: FromRunner): void {
  // The channel closes when the service ends; `orphaned` handles that.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

async function execute(order: RunOrder, command: PulumiCommand, programs: Programs, signal: AbortSignal): Promise<void> {
  const outcome = await runUpdate(order, { command, programs, signal, onStep: (step) => say({ type: "step", step }) }).catch(
    (error: unknown) => ({
      problem: problemOf(error),
    }),
  );
  const rss = process.memoryUsage.rss();
  if (process.connected) running = undefined;
  if ("result" in outcome) say({ type: "finished", result: outcome.result, rss });
  else say({ type: "failed", problem: outcome.problem, rss });
}

/**
 * Without a service nobody renews the lease: the update is interrupted, killed if it goes on, and all is gone well before
 * another one may take the lease over.
 */
async function orphaned(): Promise<void> {
  if (running) {
    running.abort.abort();
    await Promise.race([running.done, sleep(orphanGraceMs)]);
    await killByMarker({ runner: uuid }, { graceMs: 0 });
    await dropWorkFolder(running.folder);
  }
  process.exit(0);
}

const command = await PulumiCommand.get({ root: cliRoot });
const { programs } = (await import(registry)) as { programs: Programs };

process.on("disconnect", () => void orphaned());
process.on("message", (message: ToRunner) => {
  if (message.type === "abort") return running?.abort.abort();
  const abort = new AbortController();
  running = { abort, done: Promise.resolve(), folder: message.order.folder };
  running.done = execute(message.order, command, programs, abort.signal);
});
say({ type: "ready" });
// Node writes it when a process ends of itself, which runners seldom do.
flushCompileCache();
