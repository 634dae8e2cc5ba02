/** What a contract expects, as requests with their expected answer: derived, so that no blueprint forgets a negative. */

import { isSessionOf } from "../words/principal.ts";
import { actionRows } from "./action-rows.ts";
import type { AccessContract, RoleContract } from "./contract.ts";
import { grantReaches } from "./coverage.ts";
import type { ExpectedRow } from "./expected-row.ts";
import { trustRows } from "./trust-rows.ts";

export type { ExpectedRow } from "./expected-row.ts";

/**
 * The rows of one role or of a whole contract: who may and may not assume the role, what its session may and may not do. While
 * nobody is trusted every row expects deny.
 */
export function contractRows(contract: RoleContract | AccessContract): ExpectedRow[] {
  if ("roles" in contract) return contract.roles.flatMap(contractRows).filter((row) => !isExcepted(row, contract));
  const name = contract.roleArn.slice(contract.roleArn.lastIndexOf("/") + 1);
  return [...trustRows(contract), ...actionRows(contract)].map((row) => ({ ...row, id: `${name}/${row.id}` }));
}

/** A request that an accepted exception gives expects nothing: the proof lists the exception instead. */
function isExcepted(row: ExpectedRow, { exceptions = [] }: AccessContract): boolean {
  if (row.expect !== "deny") return false;
  return exceptions.some(
    (exception) => isSessionOf(row.principal, exception.principal) && grantReaches(exception, row.action, row.resource),
  );
}
