/** The difference between two policy documents, statement by statement, as people review it. Pure. */
import { externalIdFingerprint } from "../iam/words/external-id.ts";
import { canonicalJson, listOf, type PolicyDocument, type Statement } from "../iam/words/policy-document.ts";

export interface DocumentDiff {
  /** `trust`, `inline/<name>` or `bucket-policy` */
  document: string;
  added: Statement[];
  removed: Statement[];
  kept: number;
}

/** A statement with every external id in it replaced by its fingerprint. */
export function maskStatement(statement: Statement): Statement {
  if (!statement.Condition) return statement;
  const operators = Object.entries(statement.Condition).map(([operator, keys]) => [
    operator,
    Object.fromEntries(
      Object.entries(keys).map(([key, value]) => {
        if (key.toLowerCase() !== "sts:externalid") return [key, value];
        const masked = listOf(value).map((id) => externalIdFingerprint(String(id)));
        return [key, masked.length === 1 ? (masked[0] ?? "") : masked];
      }),
    ),
  ]);
  return { ...statement, Condition: Object.fromEntries(operators) };
}

/** What a write of `after` over `before` changes; undefined if nothing. Equal statements match in any order. */
export function diffDocuments(
  document: string,
  before: PolicyDocument | undefined,
  after: PolicyDocument | undefined,
): DocumentDiff | undefined {
  const old = new Map((before?.Statement ?? []).map((statement) => [canonicalJson(statement), statement]));
  const added: Statement[] = [];
  let kept = 0;
  for (const statement of after?.Statement ?? []) {
    if (old.delete(canonicalJson(statement))) kept += 1;
    else added.push(maskStatement(statement));
  }
  const removed = [...old.values()].map(maskStatement);
  return added.length + removed.length === 0 ? undefined : { document, added, removed, kept };
}
