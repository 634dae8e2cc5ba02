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
  /** Stacks, shared documents by ARN, operations. All of them are taken or none, in sorted order */
  resources: readonly string[];
  /** This service process */
  owner: string;
  operation: string;
  waitSeconds: number;
  signal?: AbortSignal | undefined;
  /** With it, leases can be taken from an owner as soon as it is proven dead. Recovery frees those leases too. */
  isDead?: IsDead | undefined;
  timing?: LeaseTiming | undefined;
}

export interface HeldLease {
  epoch: number;
  /** Aborts when the lease is lost, or when this process can no longer prove that it holds it. */
  lost: AbortSignal;
  /** Aborts when the lease is lost, or with the request's signal. */
  signal: AbortSignal;
  /** Call it before a runner gets work. @throws ProblemError operation_interrupted when the lease is lost */
  recordRunner(runner: string): Promise<void>;
}

const lost = () => stopError({ by: "lease" });

// Epochs that code of this process holds right now. A row of this process with another epoch is left from a failed release.
const heldHere = new Set<number>();

/** Whether this process now works under that epoch. */
export function isHeldHere(epoch: number): boolean {
  return heldHere.has(epoch);
}

/**
 * Runs `work` while it holds all resources under one epoch, with a heartbeat. Releases them at the end, also after a failure.
 *
 * @throws ProblemError lease_timeout when they aren't free within `waitSeconds`; the signal's reason when it aborts the wait
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
    // If a release fails, it leaves a row without a heartbeat. Recovery frees that row.
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

/** Looks up owner liveness before the rows are locked, by epoch: a row that changes hands meanwhile has another epoch. */
async function judgeOwners(store: Store, resources: readonly string[], isDead: IsDead): Promise<Map<number, boolean | undefined>> {
  const leases = await findLeases(store.db, resources);
  return new Map(await Promise.all(leases.map(async (lease) => [lease.epoch, await isDead(lease)] as const)));
}

/** Sends heartbeats until the returned function is called. Aborts `stop` when the lease is lost or the database is silent for too long. */
function keepBeating(store: Store, epoch: number, count: number, stop: AbortController, timing: LeaseTiming): () => void {
  let heardAt = performance.now();
  const beat = async () => {
    const sentAt = performance.now();
    try {
      if ((await heartbeat(store.db, epoch)) === count) heardAt = Math.max(heardAt, sentAt);
      else stop.abort(lost());
    } catch {
      // The database may come back before the margin is used up. `watch` decides.
    }
  };
  // Counts from the time of sending, on a monotonic clock: a paused process finds out as soon as it continues.
  const watch = () => {
    if (mustStop(performance.now() - heardAt, timing)) stop.abort(lost());
  };
  const timers = [setInterval(beat, timing.beat), setInterval(watch, Math.min(1_000, timing.beat))];
  return () => timers.forEach(clearInterval);
}
