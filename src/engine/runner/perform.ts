/** Gives one order to a runner and waits for the order's end, the runner's end, an abort or the deadline, whichever comes first. */
import { ProblemError } from "../../problem.ts";
import type { StepEvent, UpdateResult } from "../engine.ts";
import { type Interruption, interruptionOf } from "./interruption.ts";
import { isLive, type Runner, send } from "./runner-process.ts";
import type { FromRunner, RunOrder } from "./runner-protocol.ts";

interface PerformOptions {
  onStep: (step: StepEvent) => void;
  signal?: AbortSignal | undefined;
  /** milliseconds */
  deadline: number;
  /** milliseconds between an interrupt and the kill */
  graceMs: number;
}

/** The result, and the runner's resident memory in bytes after the update. */
export type Performed = UpdateResult & { rss: number };

const interrupted = () =>
  new ProblemError("operation_interrupted", "The process that ran the update ended before it. What it had done is in state; run it again.");

/** Makes the runner carry out the order. Rejects with the reason of an interruption, otherwise with the runner's problem. */
export async function perform(runner: Runner, order: RunOrder, { onStep, signal, deadline, graceMs }: PerformOptions): Promise<Performed> {
  send(runner, { type: "run", order });
  const interruption = interruptionOf(runner, { signal, deadline, graceMs });
  try {
    return await answerOf(runner, onStep, interruption);
  } finally {
    interruption.over();
    runner.child.removeAllListeners("message");
  }
}

async function answerOf(runner: Runner, onStep: PerformOptions["onStep"], { reason }: Interruption): Promise<Performed> {
  const { child } = runner;
  let onExit = () => {};
  const answer = new Promise<Performed>((resolve, reject) => {
    onExit = () => reject(reason() ?? interrupted());
    child.once("exit", onExit);
    child.on("message", (message: FromRunner) => {
      if (message.type === "step") onStep(message.step);
      if (message.type === "finished") resolve({ ...message.result, rss: message.rss });
      if (message.type === "failed") reject(reason() ?? problemFrom(message.problem));
    });
    if (!isLive(runner)) reject(interrupted());
  });
  return answer.finally(() => child.off("exit", onExit));
}

function problemFrom({ code, detail, cause }: (FromRunner & { type: "failed" })["problem"]): ProblemError {
  return new ProblemError(code, detail, cause === undefined ? {} : { cause });
}
