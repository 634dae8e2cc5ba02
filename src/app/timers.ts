/**
 * The work that the service does by itself: it ends the overlaps of rotations, looks for drift, polls sources (a webhook may be missed),
 * and deletes operations that ended long ago.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { sweepDrift } from "../drift/detect-drift.ts";
import { pollSources } from "../gitops/accept-reconcile.ts";
import type { Context } from "../integrations/context.ts";
import { endOverlaps } from "../integrations/rotate-external-id.ts";
import { faultFields } from "../log.ts";
import { pruneOperations } from "../store/prune.ts";

/** Runs rounds until the signal aborts. If a round fails, that is logged and the next one tries again. */
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
