/** The hand-off of an integration as it stands. */
import { contextOf, requireBlueprint } from "../desired-stacks.ts";
import { recordedOutputs } from "../proving.ts";
import type { Shell } from "../shell.ts";
import { findTenantIntegration } from "../subject.ts";
import { recordedWish } from "../wish.ts";
import { handOffOf } from "./bundle.ts";
import { quickCreateLink } from "./cloudformation.ts";
import { handOffJson } from "./json.ts";
import { handOffMarkdown } from "./markdown.ts";

/**
 * Everything to hand out for an integration: for programs and for people. It holds the external id whole, so it goes to the
 * tenant's own callers and into no log. With the template's
 * place in S3 there is also a link to run it.
 *
 * @throws ProblemError not_found
 */
export async function getHandOff(shell: Shell, tenantName: string, name: string, templateUrl?: string) {
  const { tenant, record } = await findTenantIntegration(shell, tenantName, name);
  const wish = { ...(await recordedWish(shell, record)), outputs: Object.fromEntries(recordedOutputs(record)) };
  const handOff = handOffOf(requireBlueprint(record.blueprint, record.version), record.parameters, contextOf(tenant, wish));
  const link = templateUrl === undefined ? undefined : quickCreateLink(handOff, templateUrl);
  return { json: handOffJson(handOff, link), markdown: handOffMarkdown(handOff, link) };
}
