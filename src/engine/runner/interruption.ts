/** Stops an update: asks the runner to stop, and kills it if it doesn't end by itself. */
import { ProblemError } from "../../problem.ts";
import { endRunner, type Runner, send } from "./runner-process.ts";

/** Another owner may begin ten seconds after the loss of a lease is noticed (design: TTL 30 s, noticed at 20 s). */
const lostLeaseGraceMs = 5_000;

/** The problem of an update whose signal aborted: the signal's reason if that is a problem. */
export function abortReason(signal: AbortSignal | undefined): ProblemError {
  if (signal?.reason instanceof ProblemError) return signal.reason;
  return new ProblemError("operation_interrupted", "The operation was stopped. What it had done is in state.");
}

export interface Interruption {
  /** The first reason to stop the update */
  reason(): ProblemError | undefined;
  /** Call it when the update has ended or nobody waits for it any more. Then nothing is killed. */
  over(): void;
}

interface Limits {
  signal: AbortSignal | undefined;
  /** milliseconds */
  deadline: number;
  /** milliseconds between the interrupt and the kill */
  graceMs: number;
}

/** Stops the runner's update when the signal aborts, or after the deadline. */
export function interruptionOf(runner: Runner, { signal, deadline, graceMs }: Limits): Interruption {
  let because: ProblemError | undefined;
  let kill: NodeJS.Timeout | undefined;
  const interrupt = (reason: ProblemError) => {
    if (because) return;
    because = reason;
    send(runner, { type: "abort" });
    const grace = reason.problem.cause === "lease-lost" ? Math.min(graceMs, lostLeaseGraceMs) : graceMs;
    kill = setTimeout(() => void endRunner(runner), grace);
  };
  const onAbort = () => interrupt(abortReason(signal));
  const overdue = "The update ran past its deadline and was stopped. What it had done is in state.";
  const timer = setTimeout(() => interrupt(new ProblemError("operation_timeout", overdue)), deadline);
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted) onAbort();
  return {
    reason: () => because,
    over() {
      clearTimeout(timer);
      clearTimeout(kill);
      signal?.removeEventListener("abort", onAbort);
    },
  };
}
