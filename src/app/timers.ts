/**
 * What the service does unasked: ends the overlaps of rotations, looks for drift, asks sources for news, because a missed webhook must not
 * matter, and forgets operations that ended long ago.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { sweepDrift } from "../drift/detect-drift.ts";
import { pollSources } from "../gitops/accept-reconcile.ts";
import type { Context } from "../integrations/context.ts";
import { endOverlaps } from "../integrations/rotate-external-id.ts";
import { faultFields } from "../log.ts";
import { pruneOperations } from "../store/prune.ts";

/** Rounds until the signal aborts; a failing one is logged and the next one tries again. */
export async function keepAutomating(
  context: Context,
  { everySeconds, keepDays, signal }: { everySeconds: number; keepDays: number; signal: AbortSignal },
): Promise<void> {
  const prune = async () => pruneOperations(context.store.db, keepDays);
  while (!signal.aborted) {
    for (const round of [endOverlaps, pollSources, sweepDrift, prune] as const) {
      await round(context).catch((error: unknown) =>
        context.log.warn("A round of automation failed; the next one tries again", faultFields(error)),
      );
    }
    await sleep(everySeconds * 1_000, undefined, { signal }).catch(() => undefined);
  }
}
