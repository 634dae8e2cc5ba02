/** Recovery: frees leases of dead owners, queues runs without a lease and operations without a job again, and removes expired keys. */
import { setTimeout as sleep } from "node:timers/promises";
import { faultFields, type Log } from "../log.ts";
import { sweepIdempotency } from "../store/idempotency.ts";
import { findLeases, giveBackLease, type Lease, type LeaseHolder, releaseLeases, takeLeases } from "../store/leases.ts";
import { findOperation, operationsInState, queuedIds, type StoredOperation } from "../store/operations.ts";
import type { Store } from "../store/store.ts";
import { finishOperation, requeueOperation } from "../store/transitions.ts";
import { quarantined, usualAttempts } from "./begin.ts";
import { nudgeFollowers } from "./events.ts";
import { isHeldHere } from "./lease.ts";
import { type LeaseTiming, leaseDecision, leaseTiming } from "./lease-decision.ts";
import type { IsDead } from "./owner-liveness.ts";
import { jobOf } from "./queue/job.ts";
import type { Queue } from "./queue/queue.ts";

export interface RecoveryContext {
  store: Store;
  queue: Queue;
  log: Log;
  /** This process, as leases name it */
  self: Omit<LeaseHolder, "operation">;
  isDead: IsDead;
  /**
   * Called when an owner is proven dead, before its lease is freed. It removes exactly that owner's Pulumi lock and resolves its pending
   * creates. It must be idempotent: if it rejects, the lease stays as it is for the next round.
   */
  clearStaleLocks?: (lease: Lease) => Promise<void>;
  timing?: LeaseTiming;
  maxAttempts?: number;
}

export interface Recovered {
  freed: number;
  requeued: number;
  enqueued: number;
  quarantined: number;
}

/** One round. Several replicas may run it at the same time: each change is fenced, so only one of them makes it. */
export async function recover(context: RecoveryContext): Promise<Recovered> {
  const freed = await freeDeadLeases(context);
  const taken = await takeBackRuns(context);
  const enqueued = await enqueueForgotten(context);
  await sweepIdempotency(context.store.db);
  if (freed + taken.requeued + enqueued > 0) context.queue.wake();
  return { freed, ...taken, enqueued };
}

/** Recovers now and every few seconds until the signal aborts. If a round fails, that is logged and the next round tries again. */
export async function keepRecovering(
  context: RecoveryContext,
  { everySeconds, signal }: { everySeconds: number; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    try {
      const { freed, requeued, enqueued, quarantined } = await recover(context);
      const count = freed + requeued + enqueued + quarantined;
      if (count > 0) context.log.info("Recovered leases and operations that nobody worked on", { count });
    } catch (error) {
      context.log.warn("A recovery round failed; the next one tries again", faultFields(error));
    }
    await sleep(everySeconds * 1_000, undefined, { signal }).catch(() => undefined);
  }
}

async function freeDeadLeases(context: RecoveryContext): Promise<number> {
  const { store, log } = context;
  let freed = 0;
  for (const lease of await findLeases(store.db)) {
    if (!(await isAbandoned(context, lease))) continue;
    // Take the lease first, so that only one of several replicas cleans up. If that replica ends too, the next round finds its lease.
    const holder = { ...context.self, operation: lease.operation };
    const epoch = await takeLeases(store.db, [lease.resource], holder, (now) => (now.epoch === lease.epoch ? "steal" : "wait"));
    if (epoch === undefined) continue;
    try {
      await context.clearStaleLocks?.(lease);
      await releaseLeases(store.db, epoch);
      await giveBackUnstarted(context, lease);
      freed += 1;
    } catch (error) {
      await giveBackLease(store.db, epoch, lease);
      log.warn("The cleanup after a dead owner failed, so its lease stays", {
        operation: lease.operation,
        epoch: lease.epoch,
        ...faultFields(error),
      });
    }
  }
  return freed;
}

/**
 * An owner may die before its operation runs, while it waits for capacity. Without this, its job blocks its key until the heartbeat is
 * missed.
 */
async function giveBackUnstarted({ store, queue }: RecoveryContext, lease: Lease): Promise<void> {
  if (lease.resource !== `operation:${lease.operation}`) return;
  const operation = await findOperation(store.db, lease.operation);
  if (operation?.state !== "queued") return;
  await store.db.transaction().execute((trx) => queue.requeue(trx, jobOf(operation)));
}

async function isAbandoned({ self, isDead, timing = leaseTiming }: RecoveryContext, lease: Lease): Promise<boolean> {
  if (lease.owner === self.owner) return lease.age > timing.ttl && !isHeldHere(lease.epoch);
  return leaseDecision(lease, await isDead(lease), timing) === "steal";
}

async function takeBackRuns(context: RecoveryContext): Promise<{ requeued: number; quarantined: number }> {
  const { store, maxAttempts = usualAttempts } = context;
  const running = await operationsInState(store.db, "running");
  const held = new Set((await findLeases(store.db)).map((lease) => lease.resource));
  const counts = { requeued: 0, quarantined: 0 };
  for (const operation of running.filter(({ id }) => !held.has(`operation:${id}`))) {
    const poisoned = operation.attempt >= maxAttempts;
    const change = poisoned
      ? finishOperation(store.db, operation.id, operation.epoch, { state: "failed", error: quarantined(operation.attempt) })
      : giveBack(context, operation);
    // The change is refused if the operation ended or was taken over since the read. Then it isn't ours to change.
    const changed = await change.then(
      () => true,
      () => false,
    );
    if (!changed) continue;
    nudgeFollowers(operation.id);
    counts[poisoned ? "quarantined" : "requeued"] += 1;
  }
  return counts;
}

async function giveBack({ store, queue }: RecoveryContext, operation: StoredOperation): Promise<void> {
  await store.db.transaction().execute(async (trx) => {
    await requeueOperation(trx, operation.id, operation.epoch);
    await queue.requeue(trx, jobOf(operation));
  });
}

async function enqueueForgotten({ store, queue }: RecoveryContext): Promise<number> {
  const forgotten = await queue.withoutJob(await queuedIds(store.db));
  for (const id of forgotten) {
    const operation = await findOperation(store.db, id);
    if (operation?.state !== "queued") continue;
    await queue.enqueue(store.db, jobOf(operation));
  }
  return forgotten.length;
}
