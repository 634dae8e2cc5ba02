/** A tenant's account, entered for the duration of one operation. */
import { type AccountClients, accountClients } from "../accounts/clients.ts";
import type { Credentials } from "../engine/engine.ts";
import type { TenantRecord } from "../model/tenant.ts";
import { ProblemError } from "../problem.ts";
import { holdAccount } from "../store/claims/accounts.ts";
import type { Context } from "./context.ts";

export interface Account {
  tenant: TenantRecord;
  clients: AccountClients;
  target: Credentials;
  state: Credentials;
}

/**
 * Assumes the tenant's provisioning role and the narrowed state role side by side. The session's name is the operation's id, so the
 * customer's CloudTrail shows it.
 *
 * @throws ProblemError account_unreachable, account_mismatch, provisioning_role_open, access_mode_disabled; account_already_registered when
 *   another tenant entered the account first
 */
export async function enterAccount(
  context: Pick<Context, "sts" | "reach" | "writeGates" | "store">,
  tenant: TenantRecord,
  operationId: string,
  options: { insists?: boolean } = {},
): Promise<Account> {
  const [target, state] = await Promise.all([
    context.sts.enterAccount(tenant, operationId, options),
    context.sts.stateCredentials(tenant.name, operationId),
  ]);
  if (!(await holdAccount(context.store.db, tenant))) throw heldByAnother();
  const gate = context.writeGates({ tenant: tenant.name, operation: operationId });
  const clients = accountClients(context.reach, tenant.region, target, gate);
  return { tenant, clients, target, state };
}

const heldByAnother = (): ProblemError =>
  new ProblemError(
    "account_already_registered",
    "Another tenant has this account. An operator with access to every tenant can register it for both.",
  );
