/** Runs one operation under its lease: the only place that records steps, progress, failure and the end. */
import { faultFields, type Log } from "../log.ts";
import { isTerminal } from "../model/operation.ts";
import { type Problem, ProblemError, problemOf } from "../problem.ts";
import { findOperation, type StoredOperation } from "../store/operations.ts";
import type { Store } from "../store/store.ts";
import { failWaiting, finishOperation, type Outcome, parkOperation, requeueOperation, startOperation } from "../store/transitions.ts";
import type { CancelRegistry } from "./cancel.ts";
import { eventWriter } from "./event-writer.ts";
import { nudgeFollowers } from "./events.ts";
import { hasUpdates } from "./job.ts";
import { type HeldLease, withLeases } from "./lease.ts";
import type { LeaseTiming } from "./lease-decision.ts";
import type { IsDead } from "./owner-liveness.ts";
import { persist } from "./persist.ts";
import { draining, type JobHandler } from "./queue.ts";
import type { Room } from "./room.ts";

/** What a verb is given. It throws a ProblemError to fail; returning is success. */
export interface Run {
  readonly operation: StoredOperation;
  /** The operation's own lease epoch; each stack's lease has another. */
  readonly epoch: number;
  /** Aborts on cancel, shutdown, deadline or loss of the lease. Pass it to everything that takes time. */
  readonly signal: AbortSignal;
  /** Stored when the run ends, also when it fails. */
  result?: Record<string, unknown>;
  /** One named step: its beginning and its end become events. Starts none once the signal is aborted. */
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Writes an event, in order. Never rejects: when it can't be written the run is stopped. */
  progress(type: string, data: Record<string, unknown>): Promise<void>;
  /** Ends this run as `awaiting-approval` when the verb returns. */
  awaitApproval(planHash: string): void;
}

export type Verb = (run: Run) => Promise<void>;

export interface RunContext {
  store: Store;
  log: Log;
  cancels: CancelRegistry;
  /** This service process, in leases */
  owner: string;
  isDead?: IsDead;
  timing?: LeaseTiming;
  /** Which AWS plugin updates run on; recorded with the operation */
  plugin?: () => "official" | "stand-in" | undefined;
  maxAttempts?: number;
  /** Told of each operation that has ended; it must not throw or take time */
  ended?: (operationId: string) => void;
  /** Where there must be room before an operation with updates starts */
  room?: Pick<Room, "enter">;
}

const cancelPollMilliseconds = 2_000;
const leaseWaitSeconds = 60;
/** Runs of one operation, takeovers included, before it is quarantined. */
export const usualAttempts = 5;

/** The queue's handler: finds the operation, chooses its verb, runs it to an end. What has ended already needs nothing. */
export function operationHandler(context: RunContext, verbOf: (operation: StoredOperation) => Verb): JobHandler {
  return async (operationId, signal) => {
    const operation = await findOperation(context.store.db, operationId);
    if (operation === undefined || isTerminal(operation.state) || operation.state === "awaiting-approval") return;
    await runOperation(context, operation, verbOf(operation), signal);
  };
}

/** The problem of an operation that took its workers down again and again. */
export function quarantined(attempts: number): Problem {
  const detail = `The operation was interrupted ${attempts} times and won't be tried again by itself. Look at what it last did, then send it anew.`;
  return { code: "operation_interrupted", retry: "after-change", detail, cause: "quarantined" };
}

/**
 * Runs the operation to its end, or gives it back. Rejects only when its job should be run again: at shutdown, when the
 * lease was lost, or when the end couldn't be written.
 */
export async function runOperation(context: RunContext, operation: StoredOperation, verb: Verb, signal: AbortSignal): Promise<void> {
  const { store, owner, isDead, timing } = context;
  const lease = { resources: [`operation:${operation.id}`], owner, operation: operation.id, waitSeconds: leaseWaitSeconds, isDead, timing };
  await withLeases(store, { ...lease, signal }, async (held) => {
    // Under the lease, so that a successor sees at once when this process dies while it waits.
    const leave = hasUpdates(operation.kind) ? await context.room?.enter(held.signal) : undefined;
    const cancelled = context.cancels.open(operation.id);
    try {
      await runUnderLease(context, operation.id, verb, { held, cancelled, job: signal });
    } finally {
      leave?.();
      context.cancels.close(operation.id);
      nudgeFollowers(operation.id);
    }
  });
}

interface Signals {
  held: HeldLease;
  cancelled: AbortSignal;
  /** Aborted by `draining` at shutdown */
  job: AbortSignal;
}

async function runUnderLease(context: RunContext, id: string, verb: Verb, signals: Signals): Promise<void> {
  const { db } = context.store;
  const { epoch } = signals.held;
  const before = await findOperation(db, id);
  if (before === undefined || isTerminal(before.state) || before.state === "awaiting-approval") return;
  const attempts = before.state === "running" ? before.attempt : before.attempt - 1;
  if (attempts >= (context.maxAttempts ?? usualAttempts)) {
    // A running one's owner is dead, or we wouldn't hold its lease.
    if (before.state === "queued") await failWaiting(db, id, quarantined(attempts));
    else await finishOperation(db, id, before.epoch, { state: "failed", error: quarantined(attempts) });
    return;
  }
  const operation = await startOperation(db, id, { epoch, plugin: context.plugin?.() });
  nudgeFollowers(id);
  const fields = {
    operation: id,
    kind: operation.kind,
    tenant: operation.tenant,
    integration: operation.integration,
    attempt: operation.attempt,
  };
  context.log.info("The operation runs", { ...fields, epoch });
  const started = performance.now();
  const end = await runVerb(context, operation, verb, signals);
  if (end === "lost") throw new ProblemError("operation_interrupted", "The lease was lost during the run.", { cause: "lease-lost" });
  if (end === "given-back") {
    await persist(() => requeueOperation(db, id, epoch, { counts: false }));
    throw draining;
  }
  if ("planHash" in end) await persist(() => parkOperation(db, id, epoch, end));
  else await persist(() => finishOperation(db, id, epoch, end));
  const state = "planHash" in end ? "awaiting-approval" : end.state;
  const code = "error" in end ? end.error?.code : undefined;
  if (!("planHash" in end)) context.ended?.(id);
  context.log.info("The operation ended", { ...fields, state, code, ms: Math.round(performance.now() - started) });
}

type End = Outcome | { planHash: string; result?: Record<string, unknown> } | "given-back" | "lost";

async function runVerb(context: RunContext, operation: StoredOperation, verb: Verb, signals: Signals): Promise<End> {
  const { held, cancelled, job } = signals;
  const unwritable = new AbortController();
  const deadline = new AbortController();
  const asked = new AbortController();
  const signal = AbortSignal.any([held.signal, cancelled, job, unwritable.signal, deadline.signal, asked.signal]);
  const timers = [
    setTimeout(() => deadline.abort(tooLong(operation)), operation.deadlineSeconds * 1_000),
    setInterval(() => void pollCancel(context.store, operation.id, asked), cancelPollMilliseconds),
  ];
  const run = createRun(context, operation, { epoch: held.epoch, signal, unwritable });
  try {
    if (operation.cancelRequested) asked.abort(new ProblemError("operation_interrupted", "The operation was cancelled."));
    signal.throwIfAborted();
    await verb(run);
    await run.settled();
    if (unwritable.signal.aborted) return "lost";
    if (run.planHash !== undefined) return { planHash: run.planHash, ...(run.result && { result: run.result }) };
    return { state: "succeeded", result: run.result };
  } catch (error) {
    await run.settled();
    // The held lease's signal also carries the job's abort; only its own loss is "lost".
    if (unwritable.signal.aborted || (held.signal.aborted && !job.aborted)) return "lost";
    const cancel = [cancelled, asked.signal].find((cause) => cause.aborted);
    if (cancel !== undefined) return { state: "cancelled", error: problemOf(cancel.reason), result: run.result };
    if (deadline.signal.aborted) return fail(context, operation, deadline.signal.reason, run.result);
    if (job.reason === draining) return "given-back";
    return fail(context, operation, error, run.result);
  } finally {
    timers.forEach(clearTimeout);
  }
}

const tooLong = ({ deadlineSeconds }: StoredOperation) =>
  new ProblemError(
    "operation_timeout",
    `The operation was stopped after ${deadlineSeconds} s. What it did so far is recorded; send it again to go on.`,
  );

/** The one place where an error becomes an operation's failure. */
function fail(context: RunContext, operation: StoredOperation, error: unknown, result: Record<string, unknown> | undefined): Outcome {
  const problem = problemOf(error);
  const fault = error instanceof ProblemError ? {} : faultFields(error);
  context.log.warn("The operation failed", { operation: operation.id, code: problem.code, cause: problem.cause, ...fault });
  return { state: "failed", error: problem, result };
}

/** Another replica's API may have been asked to cancel: it can only write it down. */
async function pollCancel(store: Store, id: string, asked: AbortController): Promise<void> {
  const operation = await findOperation(store.db, id).catch(() => undefined);
  if (operation?.cancelRequested === true) asked.abort(new ProblemError("operation_interrupted", "The operation was cancelled."));
}

interface OwnRun extends Run {
  planHash?: string;
  /** Resolves when every event that was given is written. */
  settled(): Promise<void>;
}

function createRun(
  { store, log }: RunContext,
  operation: StoredOperation,
  { epoch, signal, unwritable }: { epoch: number; signal: AbortSignal; unwritable: AbortController },
): OwnRun {
  const { write, settled } = eventWriter({ db: store.db, log, operation: operation.id, epoch, unwritable });
  const run: OwnRun = {
    operation,
    epoch,
    signal,
    settled,
    progress: (type, data) => write({ type, data }),
    async step(name, work) {
      signal.throwIfAborted();
      await run.progress("step-started", { name });
      // Nothing is done whose beginning couldn't be written.
      signal.throwIfAborted();
      const started = performance.now();
      try {
        const answer = await work();
        // Written with what comes next, mostly the next step's beginning; the run's end waits for it.
        void run.progress("step-done", { name, ms: Math.round(performance.now() - started) });
        return answer;
      } catch (error) {
        await run.progress("step-failed", { name, ms: Math.round(performance.now() - started), code: problemOf(error).code });
        throw error;
      }
    },
    awaitApproval(planHash) {
      run.planHash = planHash;
    },
  };
  return run;
}
