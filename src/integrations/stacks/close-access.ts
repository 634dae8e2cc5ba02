/** Closes access at once, before anything slow: closes the trusts of an integration's roles and ends their sessions. */
import { closeTrust, revokeSessions } from "../../accounts/actions.ts";
import { findNamedRole } from "../../accounts/inventory.ts";
import type { IntegrationRecord } from "../../model/integration.ts";
import { changeIntegration } from "../../store/integrations.ts";
import type { Account } from "../account.ts";
import type { Work } from "../work.ts";
import { rolesOf, rulesOf } from "./kinds.ts";

/**
 * What was done to a role. `absent`: no role has this name. `foreign`: the role with this name is somebody else's, so its trust stays as it
 * is. `wasMade`: Drawbridge made a role with this name before.
 */
export type ClosedRole = { role: string; trust: "closed" | "absent" } | { role: string; trust: "foreign"; wasMade: boolean };

/**
 * Closes the trust of each of the integration's roles, then ends their sessions. A role that is ours neither by its tags nor by its
 * recorded unique id is left alone. Pulumi's state is then older than the account, so the stacks count as changing from before the first
 * write. After a teardown has closed a trust, only a new request opens it again.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function closeAccess(
  { context, run }: Pick<Work, "context" | "run">,
  account: Account,
  record: IntegrationRecord,
  { forTeardown } = { forTeardown: false },
): Promise<ClosedRole[]> {
  const { tenant, clients } = account;
  const owner = { tenant, integration: record.name };
  const roles = await Promise.all(rolesOf(record).map(async (role) => ({ ...role, found: await findNamedRole(clients.iam, role, owner) })));
  const ours = roles.flatMap(({ found }) => (found.standing === "ours" ? [found.role] : []));
  if (forTeardown || ours.length > 0) {
    const distrusted = (now: IntegrationRecord): IntegrationRecord => ({
      ...now,
      ...(forTeardown && { closedByTeardown: true }),
      stacks: now.stacks.map((stack) => (rulesOf(stack.spec).role ? { ...stack, status: "changing" as const } : stack)),
    });
    await changeIntegration(context.store.db, tenant.name, record.name, distrusted, run);
  }
  await Promise.all(ours.map((role) => closeTrust(clients.iam, role)));
  await Promise.all(ours.map((role) => revokeSessions(clients.iam, role, context.now())));
  return roles.map(({ name: role, uniqueId, found }) => {
    if (found.standing === "foreign") return { role, trust: "foreign", wasMade: uniqueId !== undefined };
    return { role, trust: found.standing === "ours" ? "closed" : "absent" };
  });
}
