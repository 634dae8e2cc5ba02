import { type Caller, holdsTenant, holdsTenants, type VisibleTenants } from "../model/caller.ts";
import { ProblemError } from "../problem.ts";
import type { Db } from "../store/database/transaction.ts";
import { findOperation, type StoredOperation } from "../store/operations.ts";

type Shown = Pick<StoredOperation, "tenant" | "kind" | "requestedBy" | "request">;

/**
 * Whether a caller may see an operation. A reconcile belongs to no single tenant. Its sender may follow it, as long as it holds every
 * tenant that the reconcile was sent for. All other callers must hold every tenant. Pure.
 */
export function maySee(caller: Caller, { tenant, kind, requestedBy, request }: Shown): boolean {
  if (tenant !== undefined) return holdsTenant(caller, tenant);
  if (kind !== "reconcile" || requestedBy !== caller.subject) return caller.tenants === "*";
  const { tenants = "*" } = request as { tenants?: VisibleTenants };
  return holdsTenants(caller, tenants);
}

/**
 * Returns the operation with that id. If the caller may not see it, the answer is the same as for an id that never existed.
 *
 * @throws ProblemError not_found
 */
export async function requireOperation(db: Db, caller: Caller, id: string): Promise<StoredOperation> {
  const operation = await findOperation(db, id);
  if (operation === undefined || !maySee(caller, operation)) throw new ProblemError("not_found", "There is no such operation.");
  return operation;
}
