/** A decision in plain words, for errors, proofs and the explain call. */
import type { AccessRequest, DecidingStatement, Decision } from "../words/access-request.ts";
import { externalIdFingerprint } from "../words/external-id.ts";
import { statementName } from "./evaluate.ts";

/**
 * Three sentences: what was asked and the answer; what decided; what would change it. External ids appear as fingerprints, policy
 * text doesn't appear at all.
 */
export function explain(request: AccessRequest, decision: Decision): [string, string, string] {
  return [answer(request, decision), reason(decision), remedy(decision)];
}

const verdicts: Record<Decision["decision"], string> = {
  allowed: "is allowed to",
  "implicitly-denied": "is not allowed to",
  "explicitly-denied": "is forbidden to",
  undetermined: "may or may not be allowed to",
};

function answer({ principal, action, resource, context }: AccessRequest, { decision }: Decision): string {
  const keys = Object.entries(context).map(([key, value]) => `${key} ${contextValue(key, value)}`);
  const where = keys.length === 0 ? "" : ` with ${keys.join(", ")}`;
  return `${principal} ${verdicts[decision]} do ${action} on ${resource}${where}.`;
}

function contextValue(key: string, value: string | string[]): string {
  const values = Array.isArray(value) ? value : [value];
  if (values.length === 0) return "absent";
  const isId = key.toLowerCase() === "sts:externalid";
  return values.map((one) => (isId ? externalIdFingerprint(one) : one)).join(" and ");
}

function reason({ decision, deciding, because }: Decision): string {
  const names = listed(deciding);
  if (decision === "explicitly-denied") return `It is denied by ${names}, and a Deny wins over every Allow.`;
  if (decision === "undetermined" && names !== "") return `It hangs on ${names}: ${deciding[0]?.reason ?? "it can't be judged"}.`;
  if (decision === "allowed" && names !== "") return `It is allowed by ${names}, and nothing denies it.`;
  return because[0] ?? "No statement matches the request.";
}

function listed(deciding: readonly DecidingStatement[]): string {
  const names = [...new Set(deciding.map(statementName))];
  return names.length <= 3 ? names.join(" and ") : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
}

function remedy({ decision, deciding }: Decision): string {
  const [first] = deciding;
  if (decision === "allowed")
    return first === undefined ? "Nothing stands against it." : `It ends when ${statementName(first)} goes or is narrowed.`;
  if (decision === "explicitly-denied")
    return `To allow it, somebody must change that Deny in ${first?.document ?? "the document"}; no Allow helps.`;
  if (decision === "undetermined") return "Give the missing condition keys, or replace what can't be judged, and ask again.";
  return "To allow it, a statement must name this action and resource for this principal, under conditions that the request meets.";
}
