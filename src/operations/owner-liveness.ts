import { hostname } from "node:os";
import type { Marker } from "../processes.ts";
import type { Lease } from "../store/leases.ts";

/** What this host knows about its processes; src/processes.ts reads it from /proc. */
export interface ProcessFacts {
  startTimeOf(pid: number): Promise<string | undefined>;
  isMarkerAlive(marker: Marker): Promise<boolean>;
  killByMarker(marker: Marker, options: { graceMs: number }): Promise<{ gone: boolean }>;
}

/** True: no process of the holder runs. False: one runs. Undefined: this host can't tell. */
export type IsDead = (lease: Lease) => Promise<boolean | undefined>;

/**
 * Judges lease holders on this host. A holder is dead if its service process has ended, and no process carries the attempt's marker or is
 * its runner. If a dead service left processes running, they are ended first (SIGTERM, `graceMs`, SIGKILL), plugins included.
 */
export function ownerLiveness(facts: ProcessFacts, { host = hostname(), graceMs = 5_000 } = {}): IsDead {
  return async (lease) => {
    if (lease.host !== host || lease.processStart === "") return undefined;
    if ((await facts.startTimeOf(lease.pid)) === lease.processStart) return false;
    const markers: Marker[] = [{ operation: `${lease.operation}-${lease.epoch}` }];
    if (lease.runner !== undefined) markers.push({ runner: lease.runner });
    for (const marker of markers) {
      if (!(await facts.isMarkerAlive(marker))) continue;
      const { gone } = await facts.killByMarker(marker, { graceMs });
      if (!gone) return false;
    }
    return true;
  };
}
