/** The words of the guardrails: rules, documents, violations. */
import type { AccessContract } from "../contract/contract.ts";
import type { PolicyDocument } from "../words/policy-document.ts";

export type GuardrailRule =
  | "public-principal"
  | "outside-principal"
  | "external-id"
  | "confused-deputy"
  | "wildcard-action"
  | "wildcard-resource"
  | "privilege-escalation"
  | "unique-sids"
  | "size"
  | "version"
  | "partition"
  | "smuggled-text"
  | "deny"
  | "grammar"
  | "beyond-contract";

export interface Violation {
  rule: GuardrailRule;
  document: string;
  sid?: string;
  /** For people; never an external id or policy text. */
  detail: string;
}

export interface GuardedDocument {
  name: string;
  kind: "trust" | "inline" | "bucket" | "key";
  document: PolicyDocument;
}

/** What the documents are held against. */
export interface GuardrailContext {
  contract: AccessContract;
  /** The account that the documents are for */
  accountId: string;
  partition: string;
}

/** Stands for another stack's output, an exact ARN that isn't known before that stack is up. */
export const referenceText = "drawbridge-reference";
