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

/** What was asked for before a teardown opens nothing that the teardown closes. */
export const closedMeanwhile = (name: string): ProblemError =>
  new ProblemError("plan_stale", `A teardown of ${name} was asked for after this operation. PUT the integration if it is still wanted.`);

/** @throws ProblemError not_found */
export async function refuseBeingRemoved(db: Db, record: IntegrationRecord): Promise<void> {
  if (!(await isBeingRemoved(db, record))) return;
  throw new ProblemError("not_found", `Integration ${record.name} is being removed. PUT it if it is still wanted.`, { cause: "removed" });
}
