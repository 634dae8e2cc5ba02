/** A statement's Condition block against a request (IAM user guide, "Conditions with multiple context keys or values"). */

import { type ConditionBlock, type ConditionValue, listOf } from "../words/policy-document.ts";
import { expandVariables } from "../words/policy-variables.ts";
import { type ConditionOperator, conditionOperator } from "./condition-operators.ts";
import type { RequestContext } from "./request-context.ts";
import { every, not, some, type Truth, truth } from "./truth.ts";
import { toPattern } from "./wildcard.ts";

export interface ConditionResult {
  holds: Truth;
  /** Why it doesn't hold or can't be judged. */
  reason?: string;
}

type SetOperator = "ForAnyValue" | "ForAllValues" | undefined;

interface OperatorUse {
  set: SetOperator;
  base: string;
  ifExists: boolean;
}

const operatorName = /^(?:(ForAnyValue|ForAllValues):)?([A-Za-z]+?)(IfExists)?$/;

/** An operator's name in its parts, or undefined when it isn't one of AWS's. */
export function parseOperator(name: string): OperatorUse | undefined {
  const [, set, base, ifExists] = operatorName.exec(name) ?? [];
  if (base === undefined || (base !== "Null" && conditionOperator(base) === undefined)) return;
  // AWS has no NullIfExists and no set operator on Null.
  if (base === "Null" && (set !== undefined || ifExists !== undefined)) return;
  return { set: set as SetOperator, base, ifExists: ifExists !== undefined };
}

/** All operators and all keys must hold; any one of a key's values is enough. */
export function conditionHolds(block: ConditionBlock | undefined, version: string, context: RequestContext): ConditionResult {
  let unknown: string | undefined;
  for (const [name, keys] of Object.entries(block ?? {})) {
    const use = parseOperator(name);
    for (const [key, values] of Object.entries(keys)) {
      const result: ConditionResult =
        use === undefined
          ? { holds: "unknown", reason: `the condition operator ${name} isn't known` }
          : keyHolds(use, key, values, version, context);
      if (result.holds === "no") return { holds: "no", reason: result.reason ?? `${name} on ${key} doesn't hold` };
      if (result.holds === "unknown") unknown ??= result.reason ?? `${name} on ${key} can't be judged`;
    }
  }
  return unknown === undefined ? { holds: "yes" } : { holds: "unknown", reason: unknown };
}

function keyHolds(use: OperatorUse, key: string, wanted: ConditionValue, version: string, context: RequestContext): ConditionResult {
  const actual = context.find(key);
  const values = listOf(wanted).map(String);
  if (actual === "unknown") return { holds: "unknown", reason: `the request doesn't say ${key}` };
  if (use.base === "Null") return { holds: nullHolds(values, actual === "absent") };
  const operator = conditionOperator(use.base);
  if (operator === undefined || values.length === 0) return { holds: "unknown" };
  if (actual === "absent") return { holds: absentHolds(use, operator) };
  if (use.set === undefined && actual.length > 1)
    return { holds: "unknown", reason: `${key} has several values and the condition has no set operator` };
  const fits = (value: string): Truth => some(values, (one) => valueFits(operator, one, value, version, context));
  const holds = (value: string): Truth => (operator.negated ? not(fits(value)) : fits(value));
  return { holds: use.set === "ForAnyValue" ? some(actual, holds) : every(actual, holds) };
}

function nullHolds(values: string[], absent: boolean): Truth {
  return some(values, (value) => {
    const lower = value.toLowerCase();
    if (lower !== "true" && lower !== "false") return "unknown";
    return truth((lower === "true") === absent);
  });
}

/** What an operator says when the request lacks the key: set operators first, then IfExists, then the negated ones hold. */
function absentHolds(use: OperatorUse, operator: ConditionOperator): Truth {
  if (use.ifExists || use.set === "ForAllValues") return "yes";
  if (use.set === "ForAnyValue") return "no";
  return truth(operator.negated);
}

function valueFits(operator: ConditionOperator, wanted: string, actual: string, version: string, context: RequestContext): Truth {
  if (!operator.variables) return operator.test(toPattern(wanted), actual);
  const expanded = expandVariables(wanted, version, context);
  if ("unknown" in expanded) return "unknown";
  // AWS doesn't say whether a negated operator then holds, so nothing is said here either.
  if ("absent" in expanded) return operator.negated ? "unknown" : "no";
  return operator.test(expanded.pattern, actual);
}
