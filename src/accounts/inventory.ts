/** What is left of an integration in an account, found by name and by tag and never by our own records of state. */
import { GetRoleCommand, type IAMClient } from "@aws-sdk/client-iam";
import type { StackSpec } from "../../stacks/stack.ts";
import { awsProblem, unlessMissing } from "./aws-problems.ts";
import type { AccountClients } from "./clients.ts";

interface Owned {
  tenant: string;
  integration: string;
  /** Names that our stacks gave: looked up directly, since a list may lag. */
  roleNames: string[];
}

/** The names of the roles that these specs make. */
export function roleNamesOf(specs: readonly StackSpec[]): string[] {
  return specs.flatMap((spec) => (spec.kind === "role" ? [spec.inputs.name] : []));
}

/**
 * ARNs that carry the integration's ownership tags.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function survivors(clients: AccountClients, owned: Owned): Promise<string[]> {
  const named = await Promise.all(owned.roleNames.map((name) => roleIfOwned(clients.iam, name, owned))).catch(
    awsProblem("looking for what is left"),
  );
  return named.filter((arn): arn is string => arn !== undefined);
}

async function roleIfOwned(iam: IAMClient, name: string, owned: Owned): Promise<string | undefined> {
  const found = await unlessMissing(iam.send(new GetRoleCommand({ RoleName: name })));
  const tags = Object.fromEntries((found?.Role?.Tags ?? []).map((tag) => [tag.Key, tag.Value]));
  const ours = tags["drawbridge:tenant"] === owned.tenant && tags["drawbridge:integration"] === owned.integration;
  return ours ? found?.Role?.Arn : undefined;
}
