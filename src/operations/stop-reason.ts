/** Why a run stops, and what the operation's record then says. Pure. */
import { ProblemError } from "../problem.ts";

export type StopReason =
  /** The lease is lost, or this process can't prove that it holds it: another process may already run the operation. */
  | { by: "lease" }
  /** The database doesn't accept the run's events. */
  | { by: "record" }
  /** Somebody cancelled the operation, at this replica or another. */
  | { by: "caller" }
  /** The operation's deadline has passed. */
  | { by: "deadline"; seconds: number }
  /** The service shuts down, or everything is frozen. The operation goes on later. */
  | { by: "service" };

/** What happens to the operation. `nothing`: it may not be ours any more, so nothing is recorded and its job runs again. */
export type Consequence = "nothing" | "cancelled" | "failed" | "given-back";

interface Stop {
  /** If a run has several stops, the highest rank decides. */
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

/** The error for the run's work, and for the operation's record if that gets one. */
export function stopError(reason: StopReason): ProblemError {
  return stops[reason.by].error(reason.by === "deadline" ? reason.seconds : 0);
}

/** What happens to an operation whose run was stopped for this reason. */
export function consequenceOf(reason: StopReason): Consequence {
  return stops[reason.by].recorded;
}

/** Returns the reason that decides what happens to the operation; the earlier one if both have the same rank. */
export function stronger(one: StopReason | undefined, other: StopReason): StopReason {
  return one !== undefined && stops[one.by].rank >= stops[other.by].rank ? one : other;
}
