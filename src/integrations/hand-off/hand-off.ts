/** The hand-off of an integration as it was approved. */
import type { Blueprint } from "../../blueprints/parts/blueprint.ts";
import type { IntegrationRecord } from "../../model/integration.ts";
import { ProblemError } from "../../problem.ts";
import { hasBegun } from "../accept.ts";
import { approvalReasons } from "../approval/approval-reasons.ts";
import type { Context } from "../context.ts";
import { appliedIntegration, appliedRequestOf } from "../desired-integration.ts";
import { contextOf, requireBlueprint } from "../desired-stacks.ts";
import { findTenantIntegration } from "../lookup.ts";
import { recordedOutputs } from "../proving.ts";
import { handOffOf } from "./bundle.ts";
import { quickCreateLink } from "./cloudformation.ts";
import { handOffJson } from "./json.ts";
import { handOffMarkdown } from "./markdown.ts";
import { maskedHandOff } from "./masked.ts";

/**
 * The complete hand-off of an integration, for programs and for people. External ids are in clear if they are `revealed`, else they are
 * fingerprints. If the template has a place in S3, there is also a link to run it. A change that waits for approval isn't in it: the
 * documents would make what nobody approved.
 *
 * @throws ProblemError not_found; not_approved if an approval is needed and nothing was approved yet
 */
export async function getHandOff(
  context: Context,
  address: { tenant: string; name: string },
  { templateUrl, revealed }: { templateUrl: string | undefined; revealed: boolean },
) {
  const { tenant, record } = await findTenantIntegration(context, address.tenant, address.name);
  const { blueprint: id, version, parameters } = appliedRequestOf(record);
  const blueprint = requireBlueprint(id, version);
  if (!hasBegun(record)) await refuseUnapproved(context, blueprint, record);
  const desiredIntegration = { ...(await appliedIntegration(context, record)), outputs: Object.fromEntries(recordedOutputs(record)) };
  const whole = handOffOf(blueprint, parameters, contextOf(tenant, desiredIntegration));
  const handOff = revealed ? whole : maskedHandOff(whole, desiredIntegration.externalIds);
  const link = templateUrl === undefined ? undefined : quickCreateLink(handOff, templateUrl);
  return { json: handOffJson(handOff, link), markdown: handOffMarkdown(handOff, link) };
}

async function refuseUnapproved(context: Context, blueprint: Blueprint, record: IntegrationRecord): Promise<void> {
  const reasons = await approvalReasons(context, blueprint, { record, parameters: record.parameters });
  if (reasons.length === 0) return;
  throw new ProblemError("not_approved", `${reasons.join(" ")} Somebody has to approve it before its documents are given out.`);
}
