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

/** What a verb gets. The verb throws a ProblemError to fail; if it returns, it has succeeded. */
export interface Run extends Steps {
  readonly operation: StoredOperation;
  /** The operation's own lease epoch. Each stack's lease has another one. */
  readonly epoch: number;
  /** Aborts on cancel, shutdown, deadline or loss of the lease. Pass it to everything that takes time. */
  readonly signal: AbortSignal;
  /** Stored when the run ends, also after a failure. */
  result?: Record<string, unknown>;
  /** Ends this run as `awaiting-approval` when the verb returns. */
  awaitApproval(planHash: string): void;
}

export type Verb = (run: Run) => Promise<void>;

export interface RunContext {
  store: Store;
  log: Log;
  cancels: CancelRegistry;
  /** This service process, as leases name it */
  owner: string;
  isDead?: IsDead;
  timing?: LeaseTiming;
  /** The AWS plugin that updates run on; recorded with the operation */
  plugin?: () => "official" | "stand-in" | undefined;
  maxAttempts?: number;
  /** Called with each operation that has ended. It must not throw or take time */
  ended?: (operationId: string) => void;
  /** The capacity that an operation with updates needs before it starts */
  capacity?: Pick<Capacity, "enter">;
}

const leaseWaitSeconds = 60;

/** The queue's handler: finds the operation, chooses its verb and runs it to its end. Does nothing if there is nothing to run. */
export function operationHandler(context: RunContext, verbOf: (operation: StoredOperation) => Verb): JobHandler {
  return async (operationId, signal) => {
    const operation = await findOperation(context.store.db, operationId);
    if (isRunnable(operation)) await runOperation(context, operation, verbOf(operation), signal);
  };
}

/**
 * Runs the operation to its end, or gives it back. Rejects only if its job must run again: at shutdown, after the loss of the lease, or if
 * the end couldn't be written.
 */
export async function runOperation(context: RunContext, operation: StoredOperation, verb: Verb, job: AbortSignal): Promise<void> {
  const { store, owner, isDead, timing, cancels } = context;
  const { id, kind } = operation;
  const lease = { resources: [`operation:${id}`], owner, operation: id, waitSeconds: leaseWaitSeconds, isDead, timing };
  await withLeases(store, { ...lease, signal: job }, async (held) => {
    // Wait for capacity under the lease: if this process ends meanwhile, a successor sees it at once.
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
