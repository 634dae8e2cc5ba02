/** What one stack adds to a hand-off: its documents, and its part of the CloudFormation template. */
import type { PolicyDocument, Statement } from "../../iam/words/policy-document.ts";

export interface NamedPolicy {
  name: string;
  /** What to do with it, in a sentence. */
  what: string;
  document: PolicyDocument;
}

export interface TemplateResource {
  Type: string;
  DeletionPolicy?: "Retain";
  UpdateReplacePolicy?: "Retain";
  Properties: Record<string, unknown>;
}

export interface TemplateOutput {
  Description: string;
  Value: unknown;
}

export interface TemplateParts {
  resources: Record<string, TemplateResource>;
  outputs: Record<string, TemplateOutput>;
  /** What a person must do in addition to the template, in its `Metadata.ByHand` */
  byHand: unknown[];
}

export const tagList = (tags: Record<string, string>) => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

/** The format that STS accepts (STS API reference, AssumeRole, ExternalId). */
export const externalIdParameter = { Type: "String", MinLength: 2, MaxLength: 1224, AllowedPattern: "[A-Za-z0-9_+=,.@:/-]*" };

/** The external id that a statement of a trust requires. */
export const externalIdOf = (statement: Statement): unknown => statement.Condition?.["StringEquals"]?.["sts:ExternalId"];

/** The statement with the template's parameter `ExternalId` in place of an external id. */
export function withParameter(statement: Statement): unknown {
  if (externalIdOf(statement) === undefined) return statement;
  const { StringEquals, ...others } = statement.Condition ?? {};
  return { ...statement, Condition: { ...others, StringEquals: { ...StringEquals, "sts:ExternalId": { Ref: "ExternalId" } } } };
}
