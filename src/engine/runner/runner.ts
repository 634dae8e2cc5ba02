/**
 * The child process that loads Pulumi. It runs one update at a time and gets its orders over IPC. runner-process.ts starts it with three
 * arguments: the CLI's root, the module whose `programs` it runs, and the uuid in its environment.
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
 * When the service is gone, nobody renews the lease. So interrupt the update, kill it if it doesn't end, and be gone well before another
 * owner may take the lease.
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
// Node writes the cache when a process ends by itself, but runners seldom do.
flushCompileCache();
