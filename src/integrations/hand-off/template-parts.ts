/** What one stack adds to a hand-off: its documents, and its part of the CloudFormation template. */
import type { PolicyDocument } from "../../iam/words/policy-document.ts";

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
  /** What a person has to do beside the template, in its `Metadata.ByHand` */
  byHand: unknown[];
}

export const tagList = (tags: Record<string, string>) => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
