/** Compares two policy documents, statement by statement. Pure. */

import type { LiveKey } from "../../iam/words/live.ts";
import { canonicalJson, listOf, type PolicyDocument, type Statement, sameDocument } from "../../iam/words/policy-document.ts";
import { maskStatement } from "../document-diff.ts";
import type { StackDifference } from "./stack-rules.ts";

/**
 * Whether a principal is a bare unique id. A policy shows such an id after the principal that it named was deleted (IAM user guide, "IAM
 * identifiers").
 */
export const isUniqueId = (principal: string): boolean => /^A(?:RO|ID)A[A-Z0-9]{12,}$/.test(principal);

/** Statement by statement: equal ones match in any order, the others by Sid. */
export function documentDifferences(document: string, name: string, wanted: PolicyDocument, live: PolicyDocument): StackDifference[] {
  if (sameDocument(wanted, live)) return [];
  const same = (a: Statement, b: Statement) => sameDocument({ Version: "", Statement: [a] }, { Version: "", Statement: [b] });
  const lost = wanted.Statement.filter((ours) => !live.Statement.some((theirs) => same(ours, theirs)));
  const fresh = live.Statement.filter((theirs) => !wanted.Statement.some((ours) => same(ours, theirs)));
  const pairs = lost.map((ours) => ({ ours, theirs: ours.Sid === undefined ? undefined : fresh.find((one) => one.Sid === ours.Sid) }));
  const paired = new Set(pairs.map(({ theirs }) => theirs));
  const differences = [
    ...pairs.map(({ ours, theirs }) => (theirs ? changed(document, name, ours, theirs) : removed(document, name, ours))),
    ...fresh.filter((theirs) => !paired.has(theirs)).map((theirs) => added(document, name, theirs)),
  ];
  if (differences.length > 0) return differences;
  const words = `The version or id of ${name} was changed.`;
  return [{ document, what: "changed", words, expected: wanted.Version, found: live.Version }];
}

const statementOf = ({ Sid }: Statement, name: string): string => (Sid ? `Statement ${Sid} of ${name}` : `A statement of ${name}`);

function changed(document: string, name: string, ours: Statement, theirs: Statement): StackDifference {
  const gone = goneIds(theirs).filter((id) => !goneIds(ours).includes(id));
  const words =
    gone.length > 0
      ? `${statementOf(ours, name)} names the deleted principal ${gone.join(", ")}: whoever it stood for was deleted, and made again or not.`
      : `${statementOf(ours, name)} ${elementsWords(ours, theirs)}.`;
  return { document, what: "changed", words, expected: maskStatement(ours), found: maskStatement(theirs) };
}

const elements = ["Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"] as const;

function elementsWords(ours: Statement, theirs: Statement): string {
  const differing = elements.filter((element) => canonicalJson(ours[element] ?? null) !== canonicalJson(theirs[element] ?? null));
  const lost = differing.filter((element) => theirs[element] === undefined);
  const other = differing.filter((element) => !lost.includes(element));
  const parts = [
    ...(lost.length > 0 ? [`lost its ${lost.join(" and ")}`] : []),
    ...(other.length > 0 ? [`has another ${other.join(" and ")}`] : []),
  ];
  return parts.join(" and ") || "was changed";
}

function removed(document: string, name: string, ours: Statement): StackDifference {
  return { document, what: "removed", words: `${statementOf(ours, name)} is gone.`, expected: maskStatement(ours) };
}

function added(document: string, name: string, theirs: Statement): StackDifference {
  return { document, what: "added", words: `${statementOf(theirs, name)} was added.`, found: maskStatement(theirs) };
}

function goneIds({ Principal }: Statement): string[] {
  if (Principal === undefined || Principal === "*") return [];
  return Object.values(Principal)
    .flatMap((values) => listOf(values))
    .filter(isUniqueId);
}

/** Ignores tags that others added. */
export function tagDifferences(wanted: Record<string, string>, live: Record<string, string>): StackDifference[] {
  return Object.entries(wanted).flatMap(([key, value]): StackDifference[] => {
    if (live[key] === value) return [];
    const what = live[key] === undefined ? "removed" : "changed";
    return [{ document: "tags", what, words: `Tag ${key} was ${what}.`, expected: value, found: live[key] ?? null }];
  });
}

/** Only an enabled key decrypts (KMS developer guide, "Key states"). */
export function keyStateDifferences(key: LiveKey): StackDifference[] {
  if (key.state === "Enabled") return [];
  return [{ document: "key", what: "changed", words: `Key ${key.arn} is ${key.state}.`, expected: "Enabled", found: key.state }];
}
