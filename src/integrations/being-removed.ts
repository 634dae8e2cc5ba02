import type { IntegrationRecord } from "../model/integration.ts";
import { ProblemError } from "../problem.ts";
import type { Db } from "../store/database/transaction.ts";
import { currentOperation } from "../store/operations.ts";

/**
 * Whether the integration is gone or being removed: a teardown is open, or a teardown that didn't end has closed its trusts. Then only an
 * explicit request may bring it back. A teardown that was cancelled before it closed the trusts has changed nothing.
 */
export async function isBeingRemoved(db: Db, { tenant, name, goneAt, closedByTeardown }: IntegrationRecord): Promise<boolean> {
  if (goneAt !== undefined || closedByTeardown === true) return true;
  return (await currentOperation(db, tenant, name, ["destroy"])) !== undefined;
}

/** The error of an operation that was requested before a teardown: it must not open what the teardown closes. */
export const closedMeanwhile = (name: string): ProblemError =>
  new ProblemError("plan_stale", `A teardown of ${name} was asked for after this operation. PUT the integration if it is still wanted.`);

/** @throws ProblemError not_found */
export async function refuseBeingRemoved(db: Db, record: IntegrationRecord): Promise<void> {
  if (!(await isBeingRemoved(db, record))) return;
  throw new ProblemError("not_found", `Integration ${record.name} is being removed. PUT it if it is still wanted.`, { cause: "removed" });
}
