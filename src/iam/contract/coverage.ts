/** Whether what a statement gives lies inside what a contract grants. In doubt it doesn't. */

import { parseOperator } from "../evaluate/condition.ts";
import { wildcardCovers } from "../evaluate/wildcard.ts";
import { actionWorksOn, expandAction, knowsService } from "../words/action-catalogue.ts";
import { type ConditionBlock, listOf, type Statement } from "../words/policy-document.ts";

export interface Covering {
  actions: readonly string[];
  resources: readonly string[];
  condition?: ConditionBlock;
}

const coversAction = (grant: Covering, action: string): boolean =>
  grant.actions.some((granted) => wildcardCovers(granted.toLowerCase(), action.toLowerCase()));
const coversResource = (grant: Covering, resource: string): boolean => grant.resources.some((granted) => wildcardCovers(granted, resource));

/** Whether a grant reaches this very request, its condition left aside. */
export function grantReaches(grant: Covering, action: string, resource: string): boolean {
  return coversAction(grant, action) && coversResource(grant, resource);
}

/** Whether `inner` can hold only where `outer` holds: each key of `outer` stands in `inner` under the same operator with no other values. */
export function conditionImplies(inner: ConditionBlock | undefined, outer: ConditionBlock | undefined): boolean {
  return Object.entries(outer ?? {}).every(([operator, keys]) =>
    Object.entries(keys).every(([key, allowed]) => {
      const stated = Object.entries(inner?.[operator] ?? {}).filter(([name]) => name.toLowerCase() === key.toLowerCase());
      const wide = new Set(listOf(allowed).map(String));
      return stated.some(([, values]) => listOf(values).length > 0 && listOf(values).every((value) => wide.has(String(value))));
    }),
  );
}

/**
 * What of an Allow statement no grant covers, in words; undefined when all of it is covered. Pairs of action and resource that AWS
 * never applies to each other give nothing and need no cover. `elements` that turn a list around (NotAction) are never covered.
 */
export function uncovered(statement: Statement, grants: readonly Covering[]): string | undefined {
  if (statement.NotAction !== undefined || statement.NotResource !== undefined) return "it allows everything except a list";
  const odd = Object.keys(statement.Condition ?? {}).find((operator) => parseOperator(operator) === undefined);
  if (odd !== undefined) return `its condition operator ${odd} isn't known`;
  const fitting = grants.filter((grant) => conditionImplies(statement.Condition, grant.condition));
  for (const pattern of listOf(statement.Action)) {
    for (const resource of listOf(statement.Resource)) {
      if (fitting.some((grant) => coversAction(grant, pattern) && coversResource(grant, resource))) continue;
      // Only within one known service does the catalogue know everything that a pattern stands for.
      if (/[*?]/.test(pattern) && !knowsService(pattern)) return `it allows ${pattern} on ${resource}`;
      const actions = expandAction(pattern).filter((action) => actionWorksOn(action, resource));
      const beyond = actions.find((action) => !fitting.some((grant) => coversAction(grant, action) && coversResource(grant, resource)));
      if (beyond !== undefined) return `it allows ${beyond} on ${resource}`;
    }
  }
  return;
}
