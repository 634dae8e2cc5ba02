/** Example requests for a grant's condition: what fits it and what doesn't. */
import { parseOperator } from "../evaluate/condition.ts";
import { type ConditionBlock, listOf } from "../words/policy-document.ts";

type Context = Record<string, string | string[]>;

const fill = (value: string): string => value.replaceAll("*", "drawbridge-probe").replaceAll("?", "x");

/** A context in which the condition holds, from the first value of each key of the positive operators. */
export function fittingContext(condition: ConditionBlock | undefined): Context {
  const context: Context = {};
  for (const [operator, keys] of Object.entries(condition ?? {})) {
    const base = parseOperator(operator)?.base;
    if (base === undefined || base.includes("Not") || base === "Null") continue;
    for (const [key, values] of Object.entries(keys)) {
      const [first] = listOf(values);
      if (first !== undefined) context[key] = fill(String(first));
    }
  }
  return context;
}

/** Contexts in which the condition doesn't hold, one for each key of its positive text operators: another value, and none at all. */
export function failingContexts(condition: ConditionBlock | undefined): { name: string; context: Context }[] {
  const fitting = fittingContext(condition);
  return Object.entries(condition ?? {}).flatMap(([operator, keys]) => {
    const use = parseOperator(operator);
    if (use === undefined || !/^(String(Equals|Like)|Arn(Equals|Like))/.test(use.base) || use.ifExists || use.set === "ForAllValues")
      return [];
    return Object.keys(keys).flatMap((key) => [
      { name: `other-${key}`, context: { ...fitting, [key]: "drawbridge-outside/probe" } },
      { name: `no-${key}`, context: { ...fitting, [key]: [] } },
    ]);
  });
}
