/** How much one tenant may have open at once, so that it can't fill the queue for all others. */
import { ProblemError } from "../problem.ts";
import type { Db } from "../store/database/transaction.ts";
import { countOpenOperations } from "../store/operations.ts";

/** Operations of one tenant that are queued or running. */
const mostOpen = 200;

/**
 * Refuses more work for a tenant that has plenty. Teardowns, revocations and new external ids are never asked: taking access away must
 * always be possible.
 *
 * @throws ProblemError too_many_operations
 */
export async function admit(db: Db, tenant: string, most = mostOpen): Promise<void> {
  refuseFull(tenant, await countOpenOperations(db, tenant), most);
}

/** The same, where it is known already how many the tenant has open. @throws ProblemError too_many_operations */
export function refuseFull(tenant: string, open: number, most = mostOpen): void {
  if (open < most) return;
  throw new ProblemError(
    "too_many_operations",
    `Tenant ${tenant} has ${open} operations open, of ${most} at most. Try again once some have ended.`,
    { retryAfter: 15 },
  );
}
