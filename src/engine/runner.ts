/**
 * The child process that loads Pulumi: one update at a time, told over IPC. Started by runner-pool.ts with three
 * arguments: the CLI's root, and the module whose `programs` it runs.
 */
import { PulumiCommand } from "@pulumi/pulumi/automation/index.js";
import { problemOf } from "../problem.ts";
import { type Programs, runUpdate } from "./pulumi-update.ts";
import type { FromRunner, RunOrder, ToRunner } from "./runner-protocol.ts";

const [cliRoot = "", registry = ""] = process.argv.slice(2);
let running: { abort: AbortController; done: Promise<void> } | undefined;

function say(message: FromRunner): void {
  // The channel closes when the service dies; what happens then is `orphaned`'s business.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

async function execute(order: RunOrder, command: PulumiCommand, programs: Programs, signal: AbortSignal): Promise<void> {
  const outcome = await runUpdate(order, { command, programs, signal, onStep: (step) => say({ type: "step", step }) }).catch(
    (error: unknown) => ({
      problem: problemOf(error),
    }),
  );
  const rss = process.memoryUsage.rss();
  running = undefined;
  if ("result" in outcome) say({ type: "finished", result: outcome.result, rss });
  else say({ type: "failed", problem: outcome.problem, rss });
}

/** Without a service nobody renews the lease: the update is interrupted at its next step and this process ends with it. */
async function orphaned(): Promise<void> {
  running?.abort.abort();
  await running?.done;
  process.exit(0);
}

const command = await PulumiCommand.get({ root: cliRoot });
const { programs } = (await import(registry)) as { programs: Programs };

process.on("disconnect", () => void orphaned());
process.on("message", (message: ToRunner) => {
  if (message.type === "abort") return running?.abort.abort();
  const abort = new AbortController();
  running = { abort, done: Promise.resolve() };
  running.done = execute(message.order, command, programs, abort.signal);
});
say({ type: "ready" });
