import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { ProblemError } from "../problem.ts";
import { startTimeOf } from "../processes.ts";
import { findLeases, heartbeat, type Lease, type LeaseHolder, recordRunner, releaseLeases, takeLeases } from "../store/leases.ts";
import type { Store } from "../store/store.ts";
import { type LeaseTiming, leaseDecision, leaseTiming, mustStop } from "./lease-decision.ts";
import type { IsDead } from "./owner-liveness.ts";
import { stopError } from "./stop-reason.ts";

export interface LeaseRequest {
  /** Stacks, shared documents by ARN, operations: taken all or none, in sorted order */
  resources: readonly string[];
  /** This service process */
  owner: string;
  operation: string;
  waitSeconds: number;
  signal?: AbortSignal | undefined;
  /** Lets it take from an owner that is proven dead at once; recovery frees those too. */
  isDead?: IsDead | undefined;
  timing?: LeaseTiming | undefined;
}

export interface HeldLease {
  epoch: number;
  /** Aborts when the lease is lost or can no longer be shown to be held. */
  lost: AbortSignal;
  /** Aborts when the lease is lost, or with the request's signal. */
  signal: AbortSignal;
  /** Call before a runner is given work. `operation_interrupted` when the lease is lost. */
  recordRunner(runner: string): Promise<void>;
}

const lost = () => stopError({ by: "lease" });

// Epochs that code of this process holds right now: a row of ours that isn't among them was left by a failed release.
const heldHere = new Set<number>();

/** Whether this process works under that epoch now. */
export function isHeldHere(epoch: number): boolean {
  return heldHere.has(epoch);
}

/**
 * Runs `work` while holding all resources under one epoch, with a heartbeat; gives them back at the end, whatever it is.
 * `lease_timeout` when they aren't free within `waitSeconds`; the signal's reason when it aborts the waiting.
 */
export async function withLeases<T>(store: Store, request: LeaseRequest, work: (lease: HeldLease) => Promise<T>): Promise<T> {
  const epoch = await acquire(store, request);
  heldHere.add(epoch);
  const stop = new AbortController();
  const end = keepBeating(store, epoch, new Set(request.resources).size, stop, request.timing ?? leaseTiming);
  const signal = request.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, request.signal]);
  try {
    return await work({
      epoch,
      lost: stop.signal,
      signal,
      recordRunner: async (runner) => {
        if (!(await recordRunner(store.db, epoch, runner))) throw lost();
      },
    });
  } finally {
    end();
    heldHere.delete(epoch);
    // A release that fails leaves a row without heartbeat, which recovery frees.
    await releaseLeases(store.db, epoch).catch(() => undefined);
  }
}

async function acquire(store: Store, request: LeaseRequest): Promise<number> {
  const { resources, owner, operation, waitSeconds, signal, isDead, timing } = request;
  const holder: LeaseHolder = {
    operation,
    owner,
    pid: process.pid,
    processStart: (await startTimeOf(process.pid)) ?? "",
    host: hostname(),
  };
  const until = performance.now() + waitSeconds * 1_000;
  for (let pause = 50; ; pause = Math.min(pause * 1.5, 1_000)) {
    signal?.throwIfAborted();
    const isOwnerDead = isDead === undefined ? new Map<number, boolean | undefined>() : await judgeOwners(store, resources, isDead);
    const judge = (lease: Lease) => leaseDecision(lease, isOwnerDead.get(lease.epoch), timing);
    const epoch = await takeLeases(store.db, resources, holder, judge);
    if (epoch !== undefined) return epoch;
    const left = until - performance.now();
    if (left <= 0) {
      throw new ProblemError("lease_timeout", `Another operation held the same stack or document for ${waitSeconds} s. Try again later.`);
    }
    await sleep(Math.min(pause * (0.5 + Math.random()), left), undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
}

/** Death is looked up before the rows are locked, by epoch: a row that changes hands meanwhile has another one. */
async function judgeOwners(store: Store, resources: readonly string[], isDead: IsDead): Promise<Map<number, boolean | undefined>> {
  const leases = await findLeases(store.db, resources);
  return new Map(await Promise.all(leases.map(async (lease) => [lease.epoch, await isDead(lease)] as const)));
}

/** Beats until the returned function is called; aborts `stop` when the lease is lost or the database stays silent too long. */
function keepBeating(store: Store, epoch: number, count: number, stop: AbortController, timing: LeaseTiming): () => void {
  let heardAt = performance.now();
  const beat = async () => {
    const sentAt = performance.now();
    try {
      if ((await heartbeat(store.db, epoch)) === count) heardAt = Math.max(heardAt, sentAt);
      else stop.abort(lost());
    } catch {
      // The database may come back before the margin is used up; the watch below decides.
    }
  };
  // Judged by the time of sending and a monotonic clock: a process that was paused finds out as soon as it wakes.
  const watch = () => {
    if (mustStop(performance.now() - heardAt, timing)) stop.abort(lost());
  };
  const timers = [setInterval(beat, timing.beat), setInterval(watch, Math.min(1_000, timing.beat))];
  return () => timers.forEach(clearInterval);
}
