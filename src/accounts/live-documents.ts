/** Reads live roles, bucket policies and keys. Independent calls run at the same time. */
import {
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  type IAMClient,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
} from "@aws-sdk/client-iam";
import { DescribeKeyCommand, GetKeyPolicyCommand, type KMSClient, ListGrantsCommand, ListResourceTagsCommand } from "@aws-sdk/client-kms";
import {
  GetBucketEncryptionCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import type { LiveBucket, LiveGrant, LiveKey, LiveRole, NamedDocument } from "../iam/words/live.ts";
import { type PolicyDocument, readDocument } from "../iam/words/policy-document.ts";
import { ProblemError } from "../problem.ts";
import { awsProblem, unlessMissing } from "./aws-problems.ts";

/**
 * A role with every document that decides about it, or undefined when there is no such role.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function readRole(iam: IAMClient, name: string): Promise<LiveRole | undefined> {
  const found = await unlessMissing(iam.send(new GetRoleCommand({ RoleName: name })));
  const role = found?.Role;
  if (!role?.Arn || !role.AssumeRolePolicyDocument) return undefined;
  const boundaryArn = role.PermissionsBoundary?.PermissionsBoundaryArn;
  const [inline, attached, boundary] = await Promise.all([
    readInline(iam, name),
    readAttached(iam, name),
    boundaryArn ? readManaged(iam, boundaryArn) : undefined,
  ]).catch(awsProblem(`reading role ${name}`));
  return {
    arn: role.Arn,
    roleId: role.RoleId ?? "",
    name,
    accountId: role.Arn.split(":")[4] ?? "",
    trust: readDocument(role.AssumeRolePolicyDocument),
    inline,
    attached,
    ...(boundary && { boundary }),
    maxSessionDuration: role.MaxSessionDuration ?? 3600,
    tags: tagMap(role.Tags),
  };
}

async function readInline(iam: IAMClient, role: string): Promise<NamedDocument[]> {
  const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName: role, MaxItems: 1000 }));
  const documents = PolicyNames.map(async (name) => {
    const { PolicyDocument } = await iam.send(new GetRolePolicyCommand({ RoleName: role, PolicyName: name }));
    return { name, document: readDocument(PolicyDocument ?? "") };
  });
  return Promise.all(documents);
}

async function readAttached(iam: IAMClient, role: string): Promise<NamedDocument[]> {
  const { AttachedPolicies = [] } = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName: role, MaxItems: 1000 }));
  return Promise.all(AttachedPolicies.map((policy) => readManaged(iam, policy.PolicyArn ?? "")));
}

async function readManaged(iam: IAMClient, arn: string): Promise<NamedDocument> {
  const { Policy } = await iam.send(new GetPolicyCommand({ PolicyArn: arn }));
  const version = await iam.send(new GetPolicyVersionCommand({ PolicyArn: arn, VersionId: Policy?.DefaultVersionId }));
  return { name: arn, document: readDocument(version.PolicyVersion?.Document ?? "") };
}

/**
 * A bucket's owner check, region, policy and settings; undefined when it doesn't exist or isn't ours to see.
 *
 * `owner` goes along as ExpectedBucketOwner, so that a bucket of the same name in another account never passes for the
 * tenant's (S3 user guide, "Verifying bucket ownership with bucket owner condition").
 *
 * @throws ProblemError bucket_not_owned, bucket_wrong_region, aws_denied, aws_throttled, aws_rejected
 */
export async function readBucket(s3: S3Client, name: string, owner: string, region: string): Promise<LiveBucket | undefined> {
  const which = { Bucket: name, ExpectedBucketOwner: owner };
  const head = await unlessMissing(s3.send(new HeadBucketCommand(which))).catch(elsewhere(name));
  if (!head) return undefined;
  if (head.BucketRegion !== undefined && head.BucketRegion !== region) return { name, accountId: owner, region: head.BucketRegion };
  const [policy, block, ownership, encryption] = await Promise.all([
    unlessMissing(s3.send(new GetBucketPolicyCommand(which))),
    unlessMissing(s3.send(new GetPublicAccessBlockCommand(which))),
    unlessMissing(s3.send(new GetBucketOwnershipControlsCommand(which))),
    unlessMissing(s3.send(new GetBucketEncryptionCommand(which))),
  ]).catch(awsProblem(`reading bucket ${name}`));
  const publicAccess = block?.PublicAccessBlockConfiguration;
  const control = ownership?.OwnershipControls?.Rules?.[0]?.ObjectOwnership;
  const rule = encryption?.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault;
  return {
    name,
    accountId: owner,
    region: head.BucketRegion ?? region,
    ...(policy?.Policy && { policy: readDocument(policy.Policy) }),
    ...(publicAccess && {
      publicAccessBlock: {
        blockPublicAcls: publicAccess.BlockPublicAcls ?? false,
        ignorePublicAcls: publicAccess.IgnorePublicAcls ?? false,
        blockPublicPolicy: publicAccess.BlockPublicPolicy ?? false,
        restrictPublicBuckets: publicAccess.RestrictPublicBuckets ?? false,
      },
    }),
    ...(control && { ownership: control }),
    ...(rule?.SSEAlgorithm && {
      encryption: { algorithm: rule.SSEAlgorithm as "AES256" | "aws:kms", ...(rule.KMSMasterKeyID && { kmsKeyArn: rule.KMSMasterKeyID }) },
    }),
  };
}

/**
 * Whether a bucket of this name is the account's own. S3 refuses a call about anybody else's (S3 user guide, "Verifying bucket ownership
 * with bucket owner condition"), and may hide whether there is one. An S3 API that doesn't look at the owner says yes to everybody: then
 * this isn't known, and the answer is no.
 *
 * @throws ProblemError aws_throttled, aws_rejected
 */
export async function isOwnBucket(s3: S3Client, name: string, owner: string): Promise<boolean> {
  return (await answersTo(s3, name, owner)) && !(await answersTo(s3, name, nobody));
}

/** An account that owns nothing. */
const nobody = "000000000000";

async function answersTo(s3: S3Client, name: string, owner: string): Promise<boolean> {
  const head = s3.send(new HeadBucketCommand({ Bucket: name, ExpectedBucketOwner: owner })).catch((error: HeadError) => {
    const status = error.$metadata?.httpStatusCode;
    // A redirect to another region doesn't show the owner.
    if (status === 403 || status === 301 || status === 400) return undefined;
    throw error;
  });
  return (await unlessMissing(head).catch(awsProblem(`looking whose bucket ${name} is`))) !== undefined;
}

interface HeadError extends Error {
  $metadata?: { httpStatusCode?: number };
  $response?: { headers?: Record<string, string> };
}

/**
 * S3 answers a HEAD without a body: a redirect names the region that the bucket is in, and a refusal says that it isn't the
 * expected owner's (S3 API reference, HeadBucket).
 */
function elsewhere(name: string): (error: HeadError) => { BucketRegion: string | undefined } {
  return (error) => {
    const status = error.$metadata?.httpStatusCode;
    const region = error.$response?.headers?.["x-amz-bucket-region"];
    if ((status === 301 || status === 400) && region !== undefined) return { BucketRegion: region };
    if (status === 403) {
      throw new ProblemError(
        "bucket_not_owned",
        `Bucket ${name} belongs to another account, or the provisioning role may not look at it. Name a bucket of the tenant's account, or let the role do s3:ListBucket on it.`,
        { cause: error.name },
      );
    }
    return awsProblem(`looking for bucket ${name}`)(error);
  };
}

/** The bucket's policy alone, for the read just before a merged write; undefined when it has none. */
export async function readBucketPolicy(s3: S3Client, name: string, owner: string): Promise<PolicyDocument | undefined> {
  const found = await unlessMissing(s3.send(new GetBucketPolicyCommand({ Bucket: name, ExpectedBucketOwner: owner }))).catch(
    awsProblem(`reading the policy of bucket ${name}`),
  );
  return found?.Policy ? readDocument(found.Policy) : undefined;
}

/**
 * A key with its policy, grants and tags; undefined when it doesn't exist.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function readKey(kms: KMSClient, arn: string): Promise<LiveKey | undefined> {
  const found = await unlessMissing(kms.send(new DescribeKeyCommand({ KeyId: arn }))).catch(awsProblem(`looking for key ${arn}`));
  const key = found?.KeyMetadata;
  if (!key?.Arn) return undefined;
  const [policy, grants, tags] = await Promise.all([
    kms.send(new GetKeyPolicyCommand({ KeyId: key.Arn, PolicyName: "default" })),
    kms.send(new ListGrantsCommand({ KeyId: key.Arn, Limit: 100 })),
    kms.send(new ListResourceTagsCommand({ KeyId: key.Arn })),
  ]).catch(awsProblem(`reading key ${arn}`));
  return {
    arn: key.Arn,
    accountId: key.AWSAccountId ?? key.Arn.split(":")[4] ?? "",
    state: key.KeyState ?? "Unknown",
    policy: readDocument(policy.Policy ?? ""),
    grants: (grants.Grants ?? []).map(liveGrant),
    tags: Object.fromEntries((tags.Tags ?? []).map((tag) => [tag.TagKey ?? "", tag.TagValue ?? ""])),
  };
}

/**
 * A key's policy as its text, for the read just before a merged write.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function readKeyPolicyText(kms: KMSClient, arn: string): Promise<string> {
  const command = new GetKeyPolicyCommand({ KeyId: arn, PolicyName: "default" });
  const { Policy = "" } = await kms.send(command).catch(awsProblem(`reading the policy of key ${arn}`));
  return Policy;
}

interface ApiGrant {
  GrantId?: string | undefined;
  GranteePrincipal?: string | undefined;
  Operations?: string[] | undefined;
  Constraints?:
    | { EncryptionContextEquals?: Record<string, string> | undefined; EncryptionContextSubset?: Record<string, string> | undefined }
    | undefined;
}

function liveGrant(grant: ApiGrant): LiveGrant {
  const { EncryptionContextEquals: equals, EncryptionContextSubset: subset } = grant.Constraints ?? {};
  return {
    id: grant.GrantId ?? "",
    granteePrincipal: grant.GranteePrincipal ?? "",
    operations: grant.Operations ?? [],
    ...((equals || subset) && {
      constraints: { ...(equals && { encryptionContextEquals: equals }), ...(subset && { encryptionContextSubset: subset }) },
    }),
  };
}

const tagMap = (tags: { Key?: string | undefined; Value?: string | undefined }[] | undefined): Record<string, string> =>
  Object.fromEntries((tags ?? []).map((tag) => [tag.Key ?? "", tag.Value ?? ""]));
