/** The stacks as a CloudFormation template, for accounts that Drawbridge doesn't enter. Pure. */
import type { Reference, StackSpec } from "../../../stacks/stack.ts";
import { rulesOf } from "../stacks/kinds.ts";
import type { HandOff } from "./bundle.ts";
import { externalIdOf, externalIdParameter, type TemplateOutput, type TemplateResource } from "./template-parts.ts";

export interface Template {
  AWSTemplateFormatVersion: "2010-09-09";
  Description: string;
  Metadata?: Record<string, unknown>;
  Parameters?: Record<string, unknown>;
  Resources: Record<string, TemplateResource>;
  Outputs: Record<string, TemplateOutput>;
}

/**
 * A template with the same effect as the stacks. A role and a key outlive the template's stack and are never replaced, so they can be
 * adopted and nothing that trusts them breaks. A single external id becomes the parameter `ExternalId` with that id as its default: a new
 * id needs a new value, not a new template. If external ids aren't revealed, the parameter has no default.
 *
 * Others also own statements in a bucket's policy, and AWS::S3::BucketPolicy overwrites all of it. So our statements and a bucket's default
 * encryption are under `Metadata.ByHand`, to be added by hand (CloudFormation user guide, "AWS::S3::BucketPolicy").
 */
export function cloudFormationTemplate({
  title,
  integration,
  specs,
  revealed,
}: Pick<HandOff, "title" | "integration" | "specs" | "revealed">): Template {
  const asked = externalIdsOf(specs);
  const only = asked.length === 1 && typeof asked[0] === "string" ? asked[0] : undefined;
  // If ids aren't revealed, the trusts contain fingerprints, also for each of two ids during a rotation. No role may trust a fingerprint.
  const asksForId = revealed ? only !== undefined : asked.some((id) => id !== undefined);
  const parts = specs.map((spec) => rulesOf(spec).template(logicalId(spec), { asksForId }));
  const byHand = parts.flatMap((part) => part.byHand);
  const template: Template = {
    AWSTemplateFormatVersion: "2010-09-09",
    Description: `${title}, integration ${integration}`,
    ...(byHand.length > 0 && { Metadata: { ByHand: byHand } }),
    ...(asksForId && {
      Parameters: {
        ExternalId: { ...externalIdParameter, ...(revealed && { Default: only }), Description: "What the vendor sends with AssumeRole" },
      },
    }),
    Resources: Object.assign({}, ...parts.map((part) => part.resources)),
    Outputs: Object.assign({}, ...parts.map((part) => part.outputs)),
  };
  return withIntrinsics(template) as Template;
}

/**
 * The link to the console's page that shows the template ready to run (CloudFormation user guide, "Create quick-create links").
 * `templateUrl` must point to S3. The link contains no external id, because links end up in histories and logs.
 */
export function quickCreateLink(
  { region, partition, integration }: Pick<HandOff, "region" | "partition" | "integration">,
  templateUrl: string,
): string {
  const host = { aws: "console.aws.amazon.com", "aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com" }[partition];
  const query = new URLSearchParams({ templateURL: templateUrl, stackName: `drawbridge-${integration}` });
  return `https://${host}/cloudformation/home?region=${region}#/stacks/quickcreate?${query}`;
}

/** `role/studio.pipe` is `RoleStudioPipe`: template names take only letters and digits. */
function logicalId({ kind, key }: { kind: string; key: string }): string {
  const words = `${kind} ${key}`.split(/[^A-Za-z0-9]+/);
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

/** The distinct external ids of the trust statements: one id, a list of two during a rotation, or undefined for a statement without one. */
function externalIdsOf(specs: readonly StackSpec[]): unknown[] {
  return [...new Set(specs.flatMap((spec) => rulesOf(spec).role?.trust.Statement.map(externalIdOf) ?? []))];
}

/** Replaces references to other stacks by the template's own. Every role and key that a reference can name has its ARN as an attribute. */
function withIntrinsics(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withIntrinsics);
  if (isReference(value)) return { "Fn::GetAtt": [logicalId(value.$ref), "Arn"] };
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withIntrinsics(inner)]));
}

const isReference = (value: object): value is Reference => "$ref" in value && Object.keys(value).length === 1;
