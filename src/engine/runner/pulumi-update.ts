/** One update by one CLI process. This code runs in the runner. */
import { LocalWorkspace, type PulumiCommand, Stack } from "@pulumi/pulumi/automation/index.js";
import type { Program } from "../../../programs/program.ts";
import type { StackKind, StackSpec } from "../../../stacks/stack.ts";
import { type Problem, problemOf } from "../../problem.ts";
import type { StepEvent, UpdateResult } from "../engine.ts";
import { readEvents } from "./engine-events.ts";
import { classifyFailure } from "./pulumi-errors.ts";
import type { RunOrder } from "./runner-protocol.ts";

export type Programs = Partial<{ [K in StackKind]: Program<K> }>;
export type Outcome = { result: UpdateResult } | { problem: Problem };

/**
 * Stacks are small and run at the same time on a small machine. The CLI's default of four per core would only make throttling more likely.
 */
const parallel = 8;

function programOf<K extends StackKind>(programs: Programs, spec: StackSpec & { kind: K }, place: RunOrder["place"]) {
  const program = programs[spec.kind] as Program<K> | undefined;
  if (!program) throw new TypeError(`no program for kind ${spec.kind}`);
  const inputs = spec.inputs as Parameters<Program<K>>[0];
  return async () => program(inputs, place);
}

/** Destroy and refresh work on state. They don't run the program, so it doesn't matter if its blueprint has changed. */
const noProgram = async () => {};

/** `PulumiCommand.run` as the Automation API calls it. Its type declarations omit it. */
interface Runnable {
  run(...call: unknown[]): Promise<unknown>;
}

/** Tells whether the CLI itself succeeded: the Automation API also rejects for reasons that come after the update. */
function watched(command: PulumiCommand): { command: PulumiCommand; succeeded: () => boolean } {
  let succeeded = false;
  const original = command as unknown as Runnable;
  const run: Runnable["run"] = async (...call) => {
    const result = await original.run(...call);
    succeeded = true;
    return result;
  };
  return { command: Object.create(command, { run: { value: run } }) as PulumiCommand, succeeded: () => succeeded };
}

async function openStack(order: RunOrder, command: PulumiCommand, programs: Programs): Promise<Stack> {
  const needsProgram = order.action === "up" || order.action === "preview";
  const workspace = await LocalWorkspace.create({
    workDir: order.folder,
    program: needsProgram ? programOf(programs, order.spec, order.place) : noProgram,
    pulumiCommand: command,
    envVars: order.environment,
  });
  // Each of these calls would start a CLI process. The stack exists and every command names it. Outputs and result come with the events.
  workspace.selectStack = async () => {};
  workspace.stackOutputs = async () => ({});
  const stack = await Stack.select(order.stack, workspace);
  stack.history = async () => [];
  return stack;
}

/**
 * Runs the order to its end and returns the outcome; never rejects. The update counts as done only if the CLI succeeded and the engine sent
 * its summary.
 */
export async function runUpdate(
  order: RunOrder,
  {
    command,
    programs,
    signal,
    onStep,
  }: { command: PulumiCommand; programs: Programs; signal: AbortSignal; onStep: (step: StepEvent) => void },
): Promise<Outcome> {
  const started = Date.now();
  const events = readEvents(onStep);
  const cli = watched(command);
  let text = "";
  try {
    const stack = await openStack(order, cli.command, programs);
    const common = { onEvent: events.onEvent, signal, parallel, color: "never", suppressProgress: true, message: order.message } as const;
    // The API listens for an abort only from here on. An earlier abort would be lost.
    signal.throwIfAborted();
    if (order.action === "up") await stack.up({ ...common, refresh: order.refresh });
    else if (order.action === "preview") await stack.preview({ ...common, refresh: order.refresh });
    else if (order.action === "refresh") await stack.refresh({ ...common, clearPendingCreates: order.clearPendingCreates ?? false });
    else await stack.destroy({ ...common, refresh: order.refresh });
  } catch (error) {
    if (signal.aborted || !(error instanceof Error)) text = "update cancelled";
    else if (error.name === "TypeError") return { problem: problemOf(error) };
    else text = error.message;
  }
  if (cli.succeeded() && events.summarised()) return { result: events.result(Date.now() - started) };
  return { problem: classifyFailure({ diagnostics: events.diagnostics, cli: text, summary: events.summarised() }) };
}
