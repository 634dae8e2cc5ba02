import type { Blueprint } from "../../blueprints/parts/blueprint.ts";
import type { IntegrationRecord } from "../../model/integration.ts";
import { isTrustedPrincipal } from "../../store/trusted-principals.ts";
import type { Context } from "../context.ts";
import { approvedParametersOf } from "../desired-integration.ts";

interface Asked {
  record: IntegrationRecord;
  parameters: Record<string, unknown>;
}

/**
 * The reasons why somebody must approve these parameters, one sentence each; empty if nobody must. These are the reasons that need no look
 * at the account.
 */
export async function approvalReasons(
  context: Pick<Context, "store">,
  blueprint: Blueprint,
  { record, parameters }: Asked,
): Promise<string[]> {
  const reasons = await principalReasons(context, blueprint, { record, parameters });
  return [...reasons, ...(blueprint.approvals?.(approvedParametersOf(record), parameters) ?? [])];
}

/** Principals that the vendor showed, and that neither an administrator nor an earlier approval has accepted. */
async function principalReasons(context: Pick<Context, "store">, blueprint: Blueprint, { record, parameters }: Asked): Promise<string[]> {
  const approved = approvedParametersOf(record);
  const known = approved === undefined ? [] : (blueprint.shownPrincipals?.(approved) ?? []);
  const reasons: string[] = [];
  for (const principal of blueprint.shownPrincipals?.(parameters) ?? []) {
    if (known.includes(principal) || (await isTrustedPrincipal(context.store.db, record.vendor, principal))) continue;
    reasons.push(`The role would trust ${principal}, which isn't on the list of trusted principals for vendor ${record.vendor}.`);
  }
  return reasons;
}
