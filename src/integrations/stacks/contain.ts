/** Taking access away at once, before anything slow: the trusts of an integration's roles are closed and their sessions ended. */
import { closeTrust, revokeSessions } from "../../accounts/actions.ts";
import { ownedRole } from "../../accounts/inventory.ts";
import type { IntegrationRecord } from "../../model/integration.ts";
import { changeIntegration } from "../../store/integrations.ts";
import type { Account } from "../account.ts";
import type { Work } from "../work.ts";

/** What was done to a role. `absent`: there is none of this name that is ours. */
export interface Contained {
  role: string;
  trust: "closed" | "absent";
}

/** The names of the roles that an integration's recorded stacks make. */
export function roleNamesOf({ stacks }: Pick<IntegrationRecord, "stacks">): string[] {
  return stacks.flatMap(({ spec }) => (spec.kind === "role" ? [spec.inputs.name] : []));
}

/**
 * Closes the trust of each of the integration's roles, then ends their sessions; a role that isn't ours by its tags is left alone.
 * Pulumi's state is behind the cloud afterwards, so the stacks count as changing from before the first write.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function contain(
  { shell, run }: Pick<Work, "shell" | "run">,
  account: Account,
  record: IntegrationRecord,
): Promise<Contained[]> {
  const { tenant, clients } = account;
  const owner = { tenant, integration: record.name };
  const names = roleNamesOf(record);
  const roles = await Promise.all(names.map(async (role) => ({ role, owned: await ownedRole(clients.iam, role, owner) })));
  const ours = roles.flatMap(({ owned }) => (owned ? [owned] : []));
  if (ours.length > 0) {
    const distrusted = (now: IntegrationRecord) => ({
      ...now,
      stacks: now.stacks.map((stack) => (stack.spec.kind === "role" ? { ...stack, status: "changing" as const } : stack)),
    });
    await changeIntegration(shell.store.db, tenant.name, record.name, distrusted, run);
  }
  await Promise.all(ours.map((role) => closeTrust(clients.iam, role)));
  await Promise.all(ours.map((role) => revokeSessions(clients.iam, role, shell.now())));
  return roles.map(({ role, owned }) => ({ role, trust: owned ? "closed" : "absent" }));
}
