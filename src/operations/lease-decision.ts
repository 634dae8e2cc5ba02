import type { Lease, LeaseVerdict } from "../store/leases.ts";

/** Milliseconds. The owner beats every `beat`, stops itself `margin` before the `ttl` is over. */
export interface LeaseTiming {
  beat: number;
  ttl: number;
  margin: number;
  /** Longest life of the credentials that an owner may hold: state in S3 isn't fenced, its sessions are what ends */
  session: number;
}

export const leaseTiming: LeaseTiming = { beat: 5_000, ttl: 30_000, margin: 10_000, session: 3_600_000 };

/**
 * Whether a lease may be taken from its holder. `dead` is what this host can prove: true, nothing of it lives; false,
 * something does (a paused process too); undefined, it can't tell, because the holder is on another host or this one
 * shows no processes. Then only time helps: a heartbeat older than the ttl and the sessions that the holder may have.
 */
export function leaseDecision(lease: Pick<Lease, "age">, dead: boolean | undefined, timing: LeaseTiming = leaseTiming): LeaseVerdict {
  if (dead === true) return "steal";
  if (dead === false) return "wait";
  return lease.age > timing.ttl + timing.session ? "steal" : "wait";
}

/** Whether an owner must stop by itself: `silent` milliseconds of its own monotonic clock since a heartbeat was sent that got through. */
export function mustStop(silent: number, timing: LeaseTiming = leaseTiming): boolean {
  return silent >= timing.ttl - timing.margin;
}
