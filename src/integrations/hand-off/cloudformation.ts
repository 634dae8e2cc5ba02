/** The stacks as a CloudFormation template, for accounts that Drawbridge doesn't enter. Pure. */
import type { KmsKeyInputs, Reference, RoleInputs, StackSpec } from "../../../stacks/stack.ts";
import type { Statement } from "../../iam/words/policy-document.ts";
import type { HandOff } from "./bundle.ts";

export interface Template {
  AWSTemplateFormatVersion: "2010-09-09";
  Description: string;
  Metadata?: Record<string, unknown>;
  Parameters?: Record<string, unknown>;
  Resources: Record<string, TemplateResource>;
  Outputs: Record<string, { Description: string; Value: unknown }>;
}

export interface TemplateResource {
  Type: string;
  DeletionPolicy?: "Retain";
  UpdateReplacePolicy?: "Retain";
  Properties: Record<string, unknown>;
}

/** As STS takes it (STS API reference, AssumeRole, ExternalId). */
const EXTERNAL_ID = { Type: "String", MinLength: 2, MaxLength: 1224, AllowedPattern: "[A-Za-z0-9_+=,.@:/-]*" };
const SESSION_SECONDS = 3600;

/**
 * A template with the same effect as the stacks. A role and a key outlive the template's stack and are never replaced, so that
 * they can be adopted and nothing that trusts them breaks. One external id becomes the parameter `ExternalId`, with that id as its
 * default: a new one needs a new value and no new template.
 *
 * A bucket's policy is other people's too, and AWS::S3::BucketPolicy overwrites all of it; so our statements and a bucket's default
 * encryption stand under `Metadata.ByHand`, to be added by hand (CloudFormation user guide, "AWS::S3::BucketPolicy").
 */
export function cloudFormationTemplate({ title, integration, specs }: Pick<HandOff, "title" | "integration" | "specs">): Template {
  const externalId = onlyExternalId(specs);
  const byHand = specs.flatMap(manualSteps);
  const template: Template = {
    AWSTemplateFormatVersion: "2010-09-09",
    Description: `${title}, integration ${integration}`,
    ...(byHand.length > 0 && { Metadata: { ByHand: byHand } }),
    ...(externalId !== undefined && {
      Parameters: { ExternalId: { ...EXTERNAL_ID, Default: externalId, Description: "What the vendor sends with AssumeRole" } },
    }),
    Resources: Object.fromEntries(specs.flatMap((spec) => resources(spec, externalId))),
    Outputs: Object.fromEntries(specs.flatMap(outputs)),
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

function resources(spec: StackSpec, externalId: string | undefined): [string, TemplateResource][] {
  const id = logicalId(spec);
  if (spec.kind === "role") return [[id, roleResource(spec.inputs, externalId)]];
  if (spec.kind !== "kms-key" || !("policy" in spec.inputs)) return [];
  return [
    [id, keyResource(spec.inputs)],
    [`${id}Alias`, { Type: "AWS::KMS::Alias", Properties: { AliasName: spec.inputs.alias, TargetKeyId: { Ref: id } } }],
  ];
}

function roleResource(inputs: RoleInputs, externalId: string | undefined): TemplateResource {
  const { name, description, trust, inlinePolicies, managedPolicyArns, permissionsBoundaryArn, tags } = inputs;
  return {
    Type: "AWS::IAM::Role",
    DeletionPolicy: "Retain",
    UpdateReplacePolicy: "Retain",
    Properties: {
      RoleName: name,
      Description: description,
      MaxSessionDuration: SESSION_SECONDS,
      AssumeRolePolicyDocument: externalId === undefined ? trust : { ...trust, Statement: trust.Statement.map(withParameter) },
      ...(inlinePolicies.length > 0 && {
        Policies: inlinePolicies.map((policy) => ({ PolicyName: policy.name, PolicyDocument: policy.document })),
      }),
      ...(managedPolicyArns.length > 0 && { ManagedPolicyArns: managedPolicyArns }),
      ...(permissionsBoundaryArn !== undefined && { PermissionsBoundary: permissionsBoundaryArn }),
      Tags: tagList(tags),
    },
  };
}

function keyResource({ description, policy, tags }: KmsKeyInputs): TemplateResource {
  return {
    Type: "AWS::KMS::Key",
    DeletionPolicy: "Retain",
    UpdateReplacePolicy: "Retain",
    Properties: { Description: description, EnableKeyRotation: true, KeyPolicy: policy, Tags: tagList(tags) },
  };
}

const tagList = (tags: Record<string, string>) => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

const idOf = (statement: Statement): unknown => statement.Condition?.["StringEquals"]?.["sts:ExternalId"];

/** The one id that every trust asks for; undefined while there is none, and with two during a rotation. */
function onlyExternalId(specs: readonly StackSpec[]): string | undefined {
  const ids = new Set(specs.flatMap((spec) => (spec.kind === "role" ? spec.inputs.trust.Statement.map(idOf) : [])));
  const [id] = ids;
  return ids.size === 1 && typeof id === "string" ? id : undefined;
}

function withParameter(statement: Statement): unknown {
  if (idOf(statement) === undefined) return statement;
  const { StringEquals, ...others } = statement.Condition ?? {};
  return { ...statement, Condition: { ...others, StringEquals: { ...StringEquals, "sts:ExternalId": { Ref: "ExternalId" } } } };
}

function outputs(spec: StackSpec): [string, { Description: string; Value: unknown }][] {
  const id = logicalId(spec);
  const arn = { "Fn::GetAtt": [id, "Arn"] };
  if (spec.kind === "role") return [[`${id}Arn`, { Description: `ARN of the role ${spec.inputs.name}`, Value: arn }]];
  if (spec.kind === "kms-key" && "policy" in spec.inputs)
    return [[`${id}Arn`, { Description: `ARN of the key ${spec.inputs.alias}`, Value: arn }]];
  return [];
}

function manualSteps(spec: StackSpec): unknown[] {
  if (spec.kind === "bucket-policy") {
    const { bucket, policy } = spec.inputs;
    return [{ Do: `Add these statements to the policy of bucket ${bucket}, beside all that is in it.`, Statement: policy.Statement }];
  }
  const bucket = spec.kind === "kms-key" && "policy" in spec.inputs ? spec.inputs.encryptBucket : undefined;
  return bucket === undefined ? [] : [{ Do: `Make the key the default encryption of bucket ${bucket}.` }];
}

/** References to other stacks become the template's own; every role and key that they can name has its ARN as an attribute. */
function withIntrinsics(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withIntrinsics);
  if (isReference(value)) return { "Fn::GetAtt": [logicalId(value.$ref), "Arn"] };
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withIntrinsics(inner)]));
}

const isReference = (value: object): value is Reference => "$ref" in value && Object.keys(value).length === 1;
