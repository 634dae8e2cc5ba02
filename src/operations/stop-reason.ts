/** Who stops a run, for what reason, and what the operation's record says then. Pure. */
import { ProblemError } from "../problem.ts";

export type StopReason =
  /** The lease is lost, or can't be shown to be held: another process may run the operation by now. */
  | { by: "lease" }
  /** The database doesn't take the run's events. */
  | { by: "record" }
  /** Somebody cancelled the operation, here or at another replica. */
  | { by: "caller" }
  /** The operation's time is over. */
  | { by: "deadline"; seconds: number }
  /** The service shuts down, or everything is frozen: the operation goes on later. */
  | { by: "service" };

/** What becomes of the operation: `nothing` is recorded where it isn't ours any more, and its job runs again. */
export type Consequence = "nothing" | "cancelled" | "failed" | "given-back";

interface Stop {
  /** Where several stop a run, the highest decides. */
  rank: number;
  recorded: Consequence;
  error: (seconds: number) => ProblemError;
}

const interrupted = (detail: string, cause?: string) =>
  new ProblemError("operation_interrupted", detail, cause === undefined ? {} : { cause });

const stops: Record<StopReason["by"], Stop> = {
  lease: { rank: 5, recorded: "nothing", error: () => interrupted("The lease was lost, so this run stopped itself.", "lease-lost") },
  record: { rank: 4, recorded: "nothing", error: () => interrupted("The run's progress could not be recorded.", "unwritable") },
  caller: { rank: 3, recorded: "cancelled", error: () => interrupted("The operation was cancelled.") },
  deadline: { rank: 2, recorded: "failed", error: tooLong },
  service: {
    rank: 1,
    recorded: "given-back",
    error: () => interrupted("The service is shutting down; the operation goes on elsewhere.", "draining"),
  },
};

function tooLong(seconds: number): ProblemError {
  const detail = `The operation was stopped after ${seconds} s. What it did so far is recorded; send it again to go on.`;
  return new ProblemError("operation_timeout", detail);
}

/** What the run's work is told, and the operation's record, where it gets an error. */
export function stopError(reason: StopReason): ProblemError {
  return stops[reason.by].error(reason.by === "deadline" ? reason.seconds : 0);
}

/** What becomes of the operation whose run was stopped for this reason. */
export function consequenceOf(reason: StopReason): Consequence {
  return stops[reason.by].recorded;
}

/** Which of two reasons decides what becomes of the operation; the earlier one, where they are equal. */
export function stronger(one: StopReason | undefined, other: StopReason): StopReason {
  return one !== undefined && stops[one.by].rank >= stops[other.by].rank ? one : other;
}
