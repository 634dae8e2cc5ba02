/** Whether a drift is repaired, and the repair: an ordinary `up` that refreshes first. */

import { accept } from "../integrations/accept.ts";
import { isBeingRemoved } from "../integrations/being-removed.ts";
import type { Context } from "../integrations/context.ts";
import { approvedRequestOf, desiredIntegrationOf } from "../integrations/desired-integration.ts";
import { desiredStacks } from "../integrations/desired-stacks.ts";
import { requireTenant } from "../integrations/lookup.ts";
import type { DriftRecord } from "../model/drift.ts";
import type { IntegrationRecord } from "../model/integration.ts";
import { noteChild } from "../operations/children.ts";
import type { Run } from "../operations/run.ts";
import { ProblemError } from "../problem.ts";
import { changeIntegration, findIntegration } from "../store/integrations.ts";
import type { StoredOperation } from "../store/operations.ts";
import { pausesNow } from "../store/pauses.ts";

const MINUTE = 60_000;
/** At most one repair of an integration in this time: a repair takes minutes to settle, and more repairs don't help. */
const REPAIR_PAUSE = 15 * MINUTE;
/** If the same drift comes back within this time, somebody or another tool makes it on purpose. */
const CONTEST_WINDOW = 7 * 24 * 60 * MINUTE;

export interface RepairCase {
  drift: DriftRecord;
  /** The request asked for a repair. Then the limits on repeated repairs don't count. */
  asked: boolean;
  paused: boolean;
}

/** Why a drift isn't repaired now, in words; undefined if it is. `contested`: a repaired drift came back. Pure. */
export function repairHeld({ drift, asked, paused }: RepairCase): { why: string; contested?: DriftRecord["contested"] } | undefined {
  if (paused) return { why: "It is paused." };
  if (drift.differences.every(({ stack }) => stack.startsWith("bucket/")))
    return { why: "A bucket's own settings are its owner's to repair." };
  const last = drift.remediation;
  if (asked || !last) return undefined;
  const age = Date.parse(drift.at) - Date.parse(last.at);
  if (last.fingerprint === drift.fingerprint && age < CONTEST_WINDOW) {
    return {
      why: "The same drift was repaired before and came back: somebody or something makes it on purpose. Ask for a repair, or change the integration.",
      contested: { since: drift.contested?.since ?? drift.at, times: (drift.contested?.times ?? 0) + 1 },
    };
  }
  if (age < REPAIR_PAUSE) return { why: "It was repaired minutes ago; the next sweep looks again." };
  return undefined;
}

/**
 * Repairs a found drift if that is wanted, useful and not contested; otherwise an event says why not. Returns the new `drift.remediation`.
 */
export async function repairOf(
  context: Context,
  run: Run,
  { name, drift, asked }: { name: string; drift: DriftRecord; asked: boolean },
): Promise<DriftRecord["remediation"]> {
  const { tenant = "" } = run.operation;
  const record = await findIntegration(context.store.db, tenant, name);
  if (!record || (await isBeingRemoved(context.store.db, record))) return undefined;
  if (!asked && record.settings["drift"] !== "remediate") return undefined;
  const pauses = (await pausesNow(context.store.db)).map(({ scope }) => scope);
  const paused = record.settings["paused"] === true || pauses.includes("service") || pauses.includes(`tenant/${tenant}`);
  const held = repairHeld({ drift, asked, paused });
  if (held) {
    if (held.contested) {
      drift.contested = held.contested;
      context.log.warn("A repaired drift came back; it isn't repaired again until somebody asks", { tenant, integration: name });
    }
    await run.progress("drift-not-repaired", { integration: name, why: held.why });
    return undefined;
  }
  const operation = await repair(context, record).catch(async (error: unknown) => {
    // It was changed or destroyed at this moment. The next sweep looks at its new state, and this one goes on with the others.
    run.signal.throwIfAborted();
    if (!(error instanceof ProblemError)) throw error;
    await run.progress("drift-not-repaired", { integration: name, why: error.problem.detail });
    return undefined;
  });
  if (!operation) return undefined;
  await noteChild(context, run, operation.id);
  await run.progress("drift-repair-started", { integration: name, operation: operation.id });
  return { operation: operation.id, at: drift.at, fingerprint: drift.fingerprint ?? "" };
}

/**
 * An ordinary `up` over stacks that are marked as changing, so that the engine refreshes before it compares. It restores what was approved.
 * A change that nobody has approved yet stays where it is.
 */
async function repair(context: Context, { tenant, name }: IntegrationRecord): Promise<StoredOperation> {
  const record = await changeIntegration(context.store.db, tenant, name, (now) => ({
    ...now,
    stacks: now.stacks.map((stack) => ({ ...stack, status: "changing" as const })),
    ...(now.lastUp && { lastUp: { ...now.lastUp, succeeded: false } }),
  }));
  const owner = await requireTenant(context, tenant);
  const request = approvedRequestOf(record);
  const desired = desiredStacks(owner, await desiredIntegrationOf(context, request, name));
  return accept(context, { kind: "up", next: record, basis: record, desired, request, requestedBy: "drift-remediation", writers: [] });
}
