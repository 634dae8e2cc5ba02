/** What an account would hold if AWS did exactly what the specs say, beside statements of other people. */
import type { Blueprint, BlueprintContext } from "../../src/blueprints/parts/blueprint.ts";
import type { LiveBucket, LiveDocuments, LiveKey, LiveRole, NamedDocument } from "../../src/iam/words/live.ts";
import { mergeStatements } from "../../src/iam/words/merge.ts";
import type { PolicyDocument } from "../../src/iam/words/policy-document.ts";
import { ourSid, sidPrefix } from "../../src/iam/words/sid.ts";
import { resolveReferences } from "../../stacks/references.ts";
import type { Reference, RoleInputs, StackSpec } from "../../stacks/stack.ts";

/** AWS managed policy reference guide, "AWSLambdaBasicExecutionRole". */
const lambdaBasicExecution: PolicyDocument = {
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], Resource: "*" }],
};
const managedPolicies: Record<string, PolicyDocument> = {
  "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole": lambdaBasicExecution,
};

/** Statements that others have in every bucket's policy: the owner, and another integration of ours. */
const foreignBucketPolicy = (bucket: string, accountId: string): PolicyDocument => ({
  Version: "2012-10-17",
  Statement: [
    {
      Sid: "OwnerReads",
      Effect: "Allow",
      Principal: { AWS: `arn:aws:iam::${accountId}:user/owner` },
      Action: "s3:GetObject",
      Resource: `arn:aws:s3:::${bucket}/*`,
    },
    {
      Sid: ourSid("another-tenant", "another-integration", "list"),
      Effect: "Allow",
      Principal: { AWS: `arn:aws:iam::${accountId}:role/AnotherIntegration` },
      Action: "s3:ListBucket",
      Resource: `arn:aws:s3:::${bucket}`,
    },
  ],
});

const delegatingKey = (arn: string): LiveKey => {
  const accountId = arn.split(":")[4] ?? "";
  const Principal = { AWS: `arn:aws:iam::${accountId}:root` };
  const Statement = [{ Sid: "Enable IAM User Permissions", Effect: "Allow" as const, Principal, Action: "kms:*", Resource: "*" }];
  return { arn, accountId, state: "Enabled", policy: { Version: "2012-10-17", Statement }, grants: [], tags: {} };
};

/** The specs with every reference filled in: a role's ARN from its name, the rest from the case's own outputs. */
export function resolved(specs: readonly StackSpec[], context: BlueprintContext): StackSpec[] {
  const outputOf = (ref: Reference["$ref"]): unknown => {
    const source = specs.find((spec) => spec.kind === ref.kind && spec.key === ref.key);
    if (source?.kind === "role" && ref.output === "roleArn")
      return `arn:${context.partition}:iam::${context.accountId}:role/${source.inputs.name}`;
    return context.outputs?.[`${ref.kind}/${ref.key}`]?.[ref.output];
  };
  return specs.map((spec) => resolveReferences(spec, outputOf));
}

export function liveDocuments(blueprint: Blueprint, parameters: Record<string, unknown>, context: BlueprintContext): LiveDocuments {
  const specs = resolved(blueprint.stacks(parameters, context), context);
  const { buckets, keyArns } = blueprint.expectations(parameters, context);
  const own = specs.flatMap((spec) =>
    spec.kind === "kms-key" && "policy" in spec.inputs ? [ownedKey(spec.inputs, spec.key, context)] : [],
  );
  const foreign = keyArns.filter((arn) => arn.split(":")[4] === context.accountId && !own.some((key) => key.arn === arn));
  return {
    roles: specs.flatMap((spec) => (spec.kind === "role" ? [liveRole(spec.inputs, context)] : [])),
    buckets: buckets.map((bucket) => liveBucket(bucket, specs, context)),
    keys: [...own, ...foreign.map(delegatingKey)],
  };
}

function liveRole(inputs: RoleInputs, { accountId, partition }: BlueprintContext): LiveRole {
  return {
    arn: `arn:${partition}:iam::${accountId}:role/${inputs.name}`,
    roleId: "AROAEXAMPLEEXAMPLE123",
    name: inputs.name,
    accountId,
    trust: inputs.trust,
    inline: inputs.inlinePolicies,
    attached: inputs.managedPolicyArns.map(managed),
    maxSessionDuration: 3600,
    tags: inputs.tags,
  };
}

function managed(arn: string): NamedDocument {
  const document = managedPolicies[arn];
  if (document === undefined) throw new Error(`the suite doesn't know what ${arn} allows: add it to test/blueprints/live.ts`);
  return { name: arn, document };
}

function liveBucket(name: string, specs: readonly StackSpec[], { accountId, region, tenant, integration }: BlueprintContext): LiveBucket {
  const foreign = foreignBucketPolicy(name, accountId);
  const spec = specs.find((one) => one.kind === "bucket-policy" && one.inputs.bucket === name);
  const ours = spec?.kind === "bucket-policy" ? spec.inputs.policy.Statement : [];
  return { name, accountId, region, policy: mergeStatements(foreign, sidPrefix(tenant, integration), ours) };
}

function ownedKey(inputs: { policy: PolicyDocument; tags: Record<string, string> }, key: string, context: BlueprintContext): LiveKey {
  const arn = String(context.outputs?.[`kms-key/${key}`]?.["keyArn"]);
  return { arn, accountId: context.accountId, state: "Enabled", policy: inputs.policy, grants: [], tags: inputs.tags };
}
