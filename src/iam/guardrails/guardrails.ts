/**
 * What no desired document may hold, whoever wrote the blueprint and whatever the parameters were. Checked once, before anything
 * is written; each rule returns what it found.
 */
import type { AccessContract } from "../contract/contract.ts";
import { documentLimits, documentSize, type Statement } from "../words/policy-document.ts";
import { isOurSid } from "../words/sid.ts";
import { type GuardedDocument, type GuardrailContext, referenceText, type Violation } from "./guardrail.ts";
import { contentRules } from "./guardrail-rules.ts";

export type { GuardedDocument, GuardrailContext, GuardrailRule, Violation } from "./guardrail.ts";

/** All violations of all rules, document by document; empty when the documents may be written. */
export function checkDocuments(documents: readonly GuardedDocument[], context: GuardrailContext): Violation[] {
  return documents.flatMap((guarded) => {
    const readable = { ...guarded, document: withoutReferences(guarded.document) };
    return [
      ...documentRules(readable),
      ...ownStatements(readable).flatMap((statement) => statementViolations(statement, readable, context)),
    ];
  });
}

function statementViolations(statement: Statement, guarded: GuardedDocument, context: GuardrailContext): Violation[] {
  return contentRules.flatMap((rule) => {
    const found = rule(statement, guarded, context);
    return found === undefined ? [] : [{ ...found, document: guarded.name, ...(statement.Sid !== undefined && { sid: statement.Sid }) }];
  });
}

/** In a bucket's policy other people's statements are theirs to answer for. */
function ownStatements({ kind, document }: GuardedDocument): Statement[] {
  return kind === "bucket" ? document.Statement.filter(({ Sid }) => isOurSid(Sid)) : document.Statement;
}

function documentRules(guarded: GuardedDocument): Violation[] {
  const { name, kind, document } = guarded;
  const violations: Violation[] = [];
  const isShared = ownStatements(guarded).length < document.Statement.length;
  if (document.Version !== "2012-10-17" && !isShared)
    violations.push({ rule: "version", document: name, detail: "the Version must be 2012-10-17" });
  if (document.Statement.length === 0) violations.push({ rule: "grammar", document: name, detail: "the document has no statement" });
  const size = documentSize(document);
  const limit = documentLimits[kind];
  if (size > limit) violations.push({ rule: "size", document: name, detail: `the document has ${size} characters, AWS takes ${limit}` });
  const sids = document.Statement.flatMap(({ Sid }) => (Sid === undefined ? [] : [Sid]));
  const twice = sids.find((sid, index) => sids.indexOf(sid) !== index);
  if (twice !== undefined) violations.push({ rule: "unique-sids", document: name, sid: twice, detail: "two statements have this Sid" });
  return violations;
}

function withoutReferences<T>(value: T): T {
  const replaced = JSON.stringify(value, (_, inner: unknown) => (isReference(inner) ? referenceText : inner));
  return JSON.parse(replaced) as T;
}

function isReference(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 1 && "$ref" in value;
}

/** The violations in the documents of desired stacks: a contract that waits for another stack's outputs is read without them. */
export function guardrailViolations(
  documents: readonly GuardedDocument[],
  contract: AccessContract,
  context: { accountId: string; partition: string },
): Violation[] {
  return checkDocuments(documents, {
    contract: withoutReferences(contract),
    accountId: context.accountId,
    partition: context.partition,
  });
}
