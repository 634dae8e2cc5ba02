/** `${…}` in resources and conditions (IAM user guide, "IAM policy elements: Variables and tags"). */
import type { RequestContext } from "../evaluate/request-context.ts";
import { toPattern } from "../evaluate/wildcard.ts";

const variable = /\$\{([^}]*)\}/g;
const special: Record<string, string> = { "*": "*", "?": "?", $: "$" };

export type Expanded = { pattern: string } | { unknown: string } | { absent: true };

/**
 * A document's text as a pattern for this request. Variables count only in version 2012-10-17; `${*}`, `${?}` and `${$}` are the
 * characters themselves; a key that the request lacks takes its default, and without one the text matches nothing.
 */
export function expandVariables(text: string, version: string, context: RequestContext): Expanded {
  if (version !== "2012-10-17" || !text.includes("${")) return { pattern: toPattern(text) };
  let pattern = "";
  let end = 0;
  for (const match of text.matchAll(variable)) {
    pattern += toPattern(text.slice(end, match.index));
    end = match.index + match[0].length;
    const value = variableValue(match[1] ?? "", context);
    if (typeof value !== "string") return value;
    pattern += value;
  }
  return { pattern: pattern + toPattern(text.slice(end)) };
}

function variableValue(body: string, context: RequestContext): string | { unknown: string } | { absent: true } {
  const literal = special[body];
  if (literal !== undefined) return literal;
  const [, key, fallback] = /^\s*([A-Za-z0-9:/._@+=-]+)\s*(?:,\s*'([^']*)'\s*)?$/.exec(body) ?? [];
  if (key === undefined) return { unknown: `the variable \${${body}} can't be read` };
  const found = context.find(key);
  if (found === "unknown") return { unknown: `the request doesn't say ${key}` };
  if (found === "absent") return fallback ?? { absent: true };
  const [only, ...more] = found;
  if (only === undefined || more.length > 0) return { unknown: `the variable \${${key}} has several values` };
  return only;
}
