/** test/fixtures/<vendor>/guide.json: an example request, and the documents that the vendor's own guide prints, filled in for it. */
import { readFileSync } from "node:fs";
import path from "node:path";
import type { BlueprintContext } from "../../../src/blueprints/parts/blueprint.ts";
import type { LiveDocuments, NamedDocument } from "../../../src/iam/words/live.ts";
import type { PolicyDocument } from "../../../src/iam/words/policy-document.ts";

export interface GuideForm {
  title: string;
  says?: string;
  /** where this form is for other parameters or a moment without an id */
  parameters?: Record<string, unknown>;
  externalIds?: string[];
  roles: { name: string; trust: PolicyDocument; policies: NamedDocument[] }[];
  bucketPolicies?: Record<string, PolicyDocument>;
}

export interface Sample {
  context: BlueprintContext;
  parameters: Record<string, unknown>;
  forms: GuideForm[];
  /** A policy for people, which no role's contract speaks of: asked request by request. */
  asked?: {
    title: string;
    document: PolicyDocument;
    requests: { action: string; resource: string; means: string; context?: Record<string, string> }[];
  };
}

export function readSample(root: string, vendor: string): Sample {
  return JSON.parse(readFileSync(path.join(root, "test/fixtures", vendor, "guide.json"), "utf8")) as Sample;
}

/** The account as the guide's form leaves it. */
export function guideDocuments(
  { roles, bucketPolicies = {} }: GuideForm,
  { accountId, region, partition }: BlueprintContext,
): LiveDocuments {
  return {
    roles: roles.map(({ name, trust, policies }) => ({
      arn: `arn:${partition}:iam::${accountId}:role/${name}`,
      roleId: "AROAEXAMPLEEXAMPLE123",
      name,
      accountId,
      trust,
      inline: policies,
      attached: [],
      maxSessionDuration: 3600,
      tags: {},
    })),
    buckets: Object.entries(bucketPolicies).map(([name, policy]) => ({ name, accountId, region, policy })),
    keys: [],
  };
}
