import type { IntegrationRecord } from "../model/integration.ts";
import { ProblemError } from "../problem.ts";
import type { Db } from "../store/database/transaction.ts";
import { currentOperation } from "../store/operations.ts";

/**
 * Whether an integration is gone or on its way out, so that nothing may bring it back unless somebody asks for it: a teardown of it is
 * open, or one that didn't end has closed its trusts. A teardown that was cancelled before that has changed nothing.
 */
export async function isBeingRemoved(db: Db, { tenant, name, goneAt, closedByTeardown }: IntegrationRecord): Promise<boolean> {
  if (goneAt !== undefined || closedByTeardown === true) return true;
  return (await currentOperation(db, tenant, name, ["destroy"])) !== undefined;
}

/** @throws ProblemError not_found */
export async function refuseBeingRemoved(db: Db, record: IntegrationRecord): Promise<void> {
  if (!(await isBeingRemoved(db, record))) return;
  throw new ProblemError("not_found", `Integration ${record.name} is being removed. PUT it if it is still wanted.`, { cause: "removed" });
}
