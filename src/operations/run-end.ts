/** How a run ends. No other file records a run's end. */
import { faultFields, type Log } from "../log.ts";
import type { OperationState } from "../model/operation.ts";
import { ProblemError, problemOf } from "../problem.ts";
import type { Db } from "../store/database/transaction.ts";
import { finishOperation, type Outcome, parkOperation, requeueOperation } from "../store/transitions.ts";
import { persist } from "./persist.ts";
import type { RunStop } from "./run-stop.ts";
import { consequenceOf, type StopReason, stopError } from "./stop-reason.ts";

/** The run's outcome, or the plan that awaits approval, or that the operation goes on later. */
type End = Outcome | { planHash: string; result?: Record<string, unknown> } | { state: "given-back" };

interface Running {
  id: string;
  log: Log;
  stop: RunStop;
  /** What the verb has produced so far */
  made: () => { result: Record<string, unknown> | undefined; planHash: string | undefined };
  /** Resolves when every given event is written. */
  settled: () => Promise<void>;
}

/** Does a run's work and returns how it ended. @throws the stop's error if nothing may be recorded any more */
export async function endOf(work: () => Promise<void>, running: Running): Promise<End> {
  const { stop, settled, made } = running;
  try {
    stop.signal.throwIfAborted();
    await work();
  } catch (error) {
    await settled();
    return stop.reason === undefined ? failed(running, error) : stopped(running, stop.reason);
  }
  await settled();
  // The work is done, so other stops have no effect now. Only missing events are reported.
  if (stop.reason?.by === "record") throw stopError(stop.reason);
  const { result, planHash } = made();
  return planHash === undefined ? { state: "succeeded", result } : { planHash, ...(result && { result }) };
}

function stopped(running: Running, reason: StopReason): End {
  const error = stopError(reason);
  const consequence = consequenceOf(reason);
  if (consequence === "nothing") throw error;
  if (consequence === "given-back") return { state: consequence };
  if (consequence === "failed") return failed(running, error);
  return { state: consequence, error: error.problem, result: running.made().result };
}

/** The one place that turns an error into an operation's failure. */
function failed({ id, log, made }: Running, error: unknown): End {
  const problem = problemOf(error);
  const fault = error instanceof ProblemError ? {} : faultFields(error);
  log.warn("The operation failed", { operation: id, code: problem.code, cause: problem.cause, ...fault });
  return { state: "failed", error: problem, result: made().result };
}

/** Records the end and returns the operation's new state. @throws the stop's error after it gave the operation back: the job runs again */
export async function recordEnd(db: Db, { id, epoch }: { id: string; epoch: number }, end: End): Promise<OperationState> {
  if ("planHash" in end) return (await persist(() => parkOperation(db, id, epoch, end))).state;
  if (end.state !== "given-back") return (await persist(() => finishOperation(db, id, epoch, end))).state;
  await persist(() => requeueOperation(db, id, epoch, { counts: false }));
  throw stopError({ by: "service" });
}
