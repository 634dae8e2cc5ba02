import type { Lease, LeaseVerdict } from "../store/leases.ts";

/** Milliseconds. The owner sends a heartbeat every `beat`, and stops itself `margin` before the `ttl` ends. */
export interface LeaseTiming {
  beat: number;
  ttl: number;
  margin: number;
  /**
   * Longest lifetime of the credentials that an owner may hold. State in S3 has no fencing: only the end of its sessions stops a former
   * owner
   */
  session: number;
}

export const leaseTiming: LeaseTiming = { beat: 5_000, ttl: 30_000, margin: 10_000, session: 3_600_000 };

/**
 * Whether a lease may be taken from its holder. `dead` is what this host can prove. True: no process of the holder exists. False: one
 * exists, perhaps paused. Undefined: this host can't tell, because the holder is on another host or this host shows no processes. Then only
 * time helps: the heartbeat must be older than the ttl and the longest session that the holder may have.
 */
export function leaseDecision(lease: Pick<Lease, "age">, dead: boolean | undefined, timing: LeaseTiming = leaseTiming): LeaseVerdict {
  if (dead === true) return "steal";
  if (dead === false) return "wait";
  return lease.age > timing.ttl + timing.session ? "steal" : "wait";
}

/**
 * Whether an owner must stop by itself. `silent` is how many milliseconds ago, by its own monotonic clock, it sent its last successful
 * heartbeat.
 */
export function mustStop(silent: number, timing: LeaseTiming = leaseTiming): boolean {
  return silent >= timing.ttl - timing.margin;
}
