import type { ResourceType } from "../resource-type.ts";

/** Every type that the stand-in knows, loaded when the first resource of it comes: start time is paid in every Pulumi run. */
const loaders: Record<string, () => Promise<ResourceType>> = {
  "aws:iam/role:Role": async () => (await import("./iam-role.ts")).role,
  "aws:iam/rolePolicy:RolePolicy": async () => (await import("./iam-role-policy.ts")).rolePolicy,
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": async () => (await import("./iam-role-policy-attachment.ts")).rolePolicyAttachment,
  "aws:iam/rolePoliciesExclusive:RolePoliciesExclusive": async () =>
    (await import("./iam-role-policies-exclusive.ts")).rolePoliciesExclusive,
  "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": async () =>
    (await import("./iam-role-policy-attachments-exclusive.ts")).rolePolicyAttachmentsExclusive,
  "aws:iam/policy:Policy": async () => (await import("./iam-policy.ts")).policy,
  "aws:s3/bucketPolicy:BucketPolicy": async () => (await import("./s3-bucket-policy.ts")).bucketPolicy,
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": async () =>
    (await import("./s3-bucket-encryption.ts")).bucketEncryption,
  "aws:kms/key:Key": async () => (await import("./kms-key.ts")).key,
  "aws:kms/alias:Alias": async () => (await import("./kms-alias.ts")).alias,
  "aws:kms/grant:Grant": async () => (await import("./kms-grant.ts")).grant,
};

/** The type of a token such as `aws:iam/role:Role`. Throws for a type that the stand-in doesn't know. */
export async function typeOf(token: string): Promise<ResourceType> {
  const load = loaders[token];
  if (!load) throw new Error(`the sandbox's stand-in for the AWS plugin doesn't know the type ${token}`);
  return await load();
}

/** The tokens of every type, for tests that hold them against what programs use. */
export const knownTypes = Object.keys(loaders);
