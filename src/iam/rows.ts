/** What a contract expects, as requests with their expected answer: derived, so that no blueprint forgets a negative. */
import type { AccessRequest } from "./access-request.ts";
import { actionRows } from "./action-rows.ts";
import type { AccessContract, RoleContract } from "./contract.ts";
import { trustRows } from "./trust-rows.ts";

export interface ExpectedRow extends AccessRequest {
  /** Unique within the contract: `<role's name>/<what is tried>` */
  id: string;
  expect: "allow" | "deny";
}

/**
 * The rows of one role or of a whole contract: who may and may not assume the role, what its session may and may not do. While
 * nobody is trusted every row expects deny.
 */
export function contractRows(contract: RoleContract | AccessContract): ExpectedRow[] {
  if ("roles" in contract) return contract.roles.flatMap(contractRows);
  const name = contract.roleArn.slice(contract.roleArn.lastIndexOf("/") + 1);
  return [...trustRows(contract), ...actionRows(contract)].map((row) => ({ ...row, id: `${name}/${row.id}` }));
}
