import { type Caller, holdsTenant, holdsTenants, type VisibleTenants } from "../model/caller.ts";
import { ProblemError } from "../problem.ts";
import type { Db } from "../store/database/transaction.ts";
import { findOperation, type StoredOperation } from "../store/operations.ts";

type Shown = Pick<StoredOperation, "tenant" | "kind" | "requestedBy" | "request">;

/**
 * Whether a caller may see an operation. A reconcile is of no one tenant: whoever sent it may follow it, while holding every tenant that it
 * was sent for; of all others only a caller that holds every tenant. Pure.
 */
export function maySee(caller: Caller, { tenant, kind, requestedBy, request }: Shown): boolean {
  if (tenant !== undefined) return holdsTenant(caller, tenant);
  if (kind !== "reconcile" || requestedBy !== caller.subject) return caller.tenants === "*";
  const { tenants = "*" } = request as { tenants?: VisibleTenants };
  return holdsTenants(caller, tenants);
}

/**
 * The operation of that id. One that the caller may not see looks exactly like one that never was.
 *
 * @throws ProblemError not_found
 */
export async function requireOperation(db: Db, caller: Caller, id: string): Promise<StoredOperation> {
  const operation = await findOperation(db, id);
  if (operation === undefined || !maySee(caller, operation)) throw new ProblemError("not_found", "There is no such operation.");
  return operation;
}
