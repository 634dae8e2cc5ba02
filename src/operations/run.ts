/** Runs one operation: takes its lease, waits for capacity, runs its verb, records its end. */
import type { Log } from "../log.ts";
import { findOperation, type StoredOperation } from "../store/operations.ts";
import type { Store } from "../store/store.ts";
import { beginRun, isRunnable, usualAttempts } from "./begin.ts";
import type { CancelRegistry } from "./cancel.ts";
import type { Capacity } from "./capacity.ts";
import { eventWriter } from "./event-writer.ts";
import { nudgeFollowers } from "./events.ts";
import { withLeases } from "./lease.ts";
import type { LeaseTiming } from "./lease-decision.ts";
import type { IsDead } from "./owner-liveness.ts";
import { hasUpdates } from "./queue/job.ts";
import type { JobHandler } from "./queue/queue.ts";
import { endOf, recordEnd } from "./run-end.ts";
import { type Steps, stepsOf } from "./run-steps.ts";
import { createRunStop, type RunStop, watchRecord } from "./run-stop.ts";

/** What a verb is given. It throws a ProblemError to fail; returning is success. */
export interface Run extends Steps {
  readonly operation: StoredOperation;
  /** The operation's own lease epoch; each stack's lease has another. */
  readonly epoch: number;
  /** Aborts on cancel, shutdown, deadline or loss of the lease. Pass it to everything that takes time. */
  readonly signal: AbortSignal;
  /** Stored when the run ends, also when it fails. */
  result?: Record<string, unknown>;
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
  /** The capacity that an operation with updates needs before it starts */
  capacity?: Pick<Capacity, "enter">;
}

const leaseWaitSeconds = 60;

/** The queue's handler: finds the operation, chooses its verb, runs it to an end. What has ended already needs nothing. */
export function operationHandler(context: RunContext, verbOf: (operation: StoredOperation) => Verb): JobHandler {
  return async (operationId, signal) => {
    const operation = await findOperation(context.store.db, operationId);
    if (isRunnable(operation)) await runOperation(context, operation, verbOf(operation), signal);
  };
}

/**
 * Runs the operation to its end, or gives it back. Rejects only when its job should be run again: at shutdown, when the
 * lease was lost, or when the end couldn't be written.
 */
export async function runOperation(context: RunContext, operation: StoredOperation, verb: Verb, job: AbortSignal): Promise<void> {
  const { store, owner, isDead, timing, cancels } = context;
  const { id, kind } = operation;
  const lease = { resources: [`operation:${id}`], owner, operation: id, waitSeconds: leaseWaitSeconds, isDead, timing };
  await withLeases(store, { ...lease, signal: job }, async (held) => {
    // Under the lease: if this process ends while it waits, a successor sees it at once.
    const leave = hasUpdates(kind) ? await context.capacity?.enter(held.signal) : undefined;
    const stop = createRunStop();
    stop.when(held.lost, { by: "lease" });
    stop.when(job, { by: "service" });
    cancels.open(id, stop);
    try {
      await runHeld(context, id, verb, { stop, epoch: held.epoch });
    } finally {
      leave?.();
      cancels.close(id);
      nudgeFollowers(id);
    }
  });
}

async function runHeld(context: RunContext, id: string, verb: Verb, { stop, epoch }: { stop: RunStop; epoch: number }): Promise<void> {
  const { store, log, plugin, maxAttempts = usualAttempts, ended } = context;
  const operation = await beginRun(store.db, id, { epoch, plugin: plugin?.(), maxAttempts });
  if (operation === undefined) return;
  nudgeFollowers(id);
  const { kind, tenant, integration, attempt } = operation;
  const fields = { operation: id, kind, tenant, integration, attempt };
  log.info("The operation runs", { ...fields, epoch });
  const started = performance.now();

  const { run, made, settled } = createRun(context, operation, { stop, epoch });
  const unwatch = watchRecord(store, operation, stop);
  const end = await endOf(() => verb(run), { id, log, stop, made, settled }).finally(unwatch);
  const state = await recordEnd(store.db, { id, epoch }, end);

  if (state !== "awaiting-approval") ended?.(id);
  const code = "error" in end ? end.error?.code : undefined;
  log.info("The operation ended", { ...fields, state, code, ms: Math.round(performance.now() - started) });
}

function createRun({ store, log }: RunContext, operation: StoredOperation, { stop, epoch }: { stop: RunStop; epoch: number }) {
  const { write, settled } = eventWriter({ db: store.db, log, operation: operation.id, epoch, stop });
  let planHash: string | undefined;
  const run: Run = {
    operation,
    epoch,
    signal: stop.signal,
    ...stepsOf(write, stop.signal),
    awaitApproval: (hash) => {
      planHash = hash;
    },
  };
  return { run, settled, made: () => ({ result: run.result, planHash }) };
}
