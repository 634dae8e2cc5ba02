import type { Blueprint } from "../../blueprints/parts/blueprint.ts";
import type { IntegrationRecord } from "../../model/integration.ts";
import { isTrustedPrincipal } from "../../store/trusted-principals.ts";
import type { Context } from "../context.ts";
import { approvedParametersOf } from "../desired-integration.ts";

interface Asked {
  record: IntegrationRecord;
  parameters: Record<string, unknown>;
}

/** Why somebody has to approve these parameters, as far as it can be told without the account: one sentence each; none when nobody has to. */
export async function approvalReasons(
  context: Pick<Context, "store">,
  blueprint: Blueprint,
  { record, parameters }: Asked,
): Promise<string[]> {
  const reasons = await principalReasons(context, blueprint, { record, parameters });
  return [...reasons, ...(blueprint.approvals?.(approvedParametersOf(record), parameters) ?? [])];
}

/** Whom the vendor showed and neither an administrator nor an earlier approval vouches for. */
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
