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
 * A template with the same effect as the stacks. A role and a key outlive the template's stack and are never replaced, so that
 * they can be adopted and nothing that trusts them breaks. One external id becomes the parameter `ExternalId`, with that id as its
 * default: a new one needs a new value and no new template. Where external ids aren't revealed, the parameter has no default.
 *
 * A bucket's policy is other people's too, and AWS::S3::BucketPolicy overwrites all of it; so our statements and a bucket's default
 * encryption stand under `Metadata.ByHand`, to be added by hand (CloudFormation user guide, "AWS::S3::BucketPolicy").
 */
export function cloudFormationTemplate({
  title,
  integration,
  specs,
  revealed,
}: Pick<HandOff, "title" | "integration" | "specs" | "revealed">): Template {
  const asked = externalIdsOf(specs);
  const only = asked.length === 1 && typeof asked[0] === "string" ? asked[0] : undefined;
  // Not revealed, every id in a trust is a fingerprint, also one of two during a rotation, and no role may trust that.
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
 * The console's page that shows the template ready to run (CloudFormation user guide, "Create quick-create links"). `templateUrl`
 * must lead to S3; the link carries no external id, because links end up in histories and logs.
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

/** What the statements of all trusts ask for, each once: an id, a list of two during a rotation, or undefined for a statement without one. */
function externalIdsOf(specs: readonly StackSpec[]): unknown[] {
  return [...new Set(specs.flatMap((spec) => rulesOf(spec).role?.trust.Statement.map(externalIdOf) ?? []))];
}

/** References to other stacks become the template's own; every role and key that they can name has its ARN as an attribute. */
function withIntrinsics(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withIntrinsics);
  if (isReference(value)) return { "Fn::GetAtt": [logicalId(value.$ref), "Arn"] };
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withIntrinsics(inner)]));
}

const isReference = (value: object): value is Reference => "$ref" in value && Object.keys(value).length === 1;
