/** Policy documents as the strings that AWS accepts. */
import type { RoleInputs } from "../stacks/stack.ts";

type PolicyDocument = RoleInputs["trust"];

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

/**
 * A document as canonical JSON: sorted keys, arrays in their own order, no white space. The engine compares strings, so the same document
 * must always give the same string.
 */
export function policyJson(document: PolicyDocument): string {
  return JSON.stringify(sorted(document));
}
