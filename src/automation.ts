/** What the service does unasked: ends the overlaps of rotations, looks for drift and asks sources for news, because a missed webhook must not matter. */
import { setTimeout as sleep } from "node:timers/promises";
import { pollSources } from "./integrations/accept-reconcile.ts";
import { sweepDrift } from "./integrations/detect-drift.ts";
import { endOverlaps } from "./integrations/rotate-external-id.ts";
import type { Shell } from "./integrations/shell.ts";
import { faultFields } from "./log.ts";

/** Rounds until the signal aborts; a failing one is logged and the next one tries again. */
export async function keepAutomating(shell: Shell, { everySeconds, signal }: { everySeconds: number; signal: AbortSignal }): Promise<void> {
  while (!signal.aborted) {
    for (const round of [endOverlaps, pollSources, sweepDrift] as const) {
      await round(shell).catch((error: unknown) =>
        shell.log.warn("A round of automation failed; the next one tries again", faultFields(error)),
      );
    }
    await sleep(everySeconds * 1_000, undefined, { signal }).catch(() => undefined);
  }
}
