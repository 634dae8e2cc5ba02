/** Limits how many open operations one tenant may have, so that it can't fill the queue for all others. */
import { ProblemError } from "../problem.ts";
import type { Db } from "../store/database/transaction.ts";
import { countOpenOperations } from "../store/operations.ts";

/** Operations of one tenant that are queued or running. */
const mostOpen = 200;

/**
 * Refuses more work for a tenant that has reached the limit. Teardowns, revocations and new external ids don't call this: it must always be
 * possible to take access away.
 *
 * @throws ProblemError too_many_operations
 */
export async function admit(db: Db, tenant: string, most = mostOpen): Promise<void> {
  refuseFull(tenant, await countOpenOperations(db, tenant), most);
}

/** The same, if the number of the tenant's open operations is already known. @throws ProblemError too_many_operations */
export function refuseFull(tenant: string, open: number, most = mostOpen): void {
  if (open < most) return;
  throw new ProblemError(
    "too_many_operations",
    `Tenant ${tenant} has ${open} operations open, of ${most} at most. Try again once some have ended.`,
    { retryAfter: 15 },
  );
}
