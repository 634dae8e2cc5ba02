/**
 * The few direct writes into an account that Pulumi doesn't make. Each is one call, named after its purpose. Each takes a value that only a
 * look-up of our own resources makes, so that nothing is written to a resource of somebody else.
 */
import { type IAMClient, PutRolePolicyCommand, TagRoleCommand, UpdateAssumeRolePolicyCommand } from "@aws-sdk/client-iam";
import {
  type KMSClient,
  PutKeyPolicyCommand,
  RevokeGrantCommand,
  ScheduleKeyDeletionCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-kms";
import { DeleteBucketEncryptionCommand, DeleteBucketPolicyCommand, PutBucketEncryptionCommand, type S3Client } from "@aws-sdk/client-s3";
import { closedTrust, revokedSessionsPolicy, sessionsRevoked } from "../iam/words/trust.ts";
import { awsProblem, unlessMissing } from "./aws-problems.ts";
import type { EncryptionRules, OwnEncryption } from "./encryption.ts";
import type { OwnGrant } from "./grants.ts";
import type { AdoptableRole, OwnedRole } from "./inventory.ts";
import type { OwnedKey } from "./keys.ts";
import type { EmptiedPolicy, KeyPolicyChange } from "./own-statements.ts";

/**
 * Closes the trust: from now on nobody can assume the role. Existing sessions go on. A role that is gone counts as closed.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function closeTrust(iam: IAMClient, { name: roleName }: OwnedRole): Promise<void> {
  const command = new UpdateAssumeRolePolicyCommand({ RoleName: roleName, PolicyDocument: JSON.stringify(closedTrust()) });
  await unlessMissing(iam.send(command)).catch(awsProblem(`closing the trust of role ${roleName}`));
}

/**
 * Ends the role's sessions: every session from before `before` (RFC 3339) is denied everything (AWS IAM user guide, "Revoking IAM
 * role temporary security credentials"). A role that is gone has no sessions.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function revokeSessions(iam: IAMClient, { name: roleName }: OwnedRole, before: string): Promise<void> {
  const command = new PutRolePolicyCommand({
    RoleName: roleName,
    PolicyName: revokedSessionsPolicy,
    PolicyDocument: JSON.stringify(sessionsRevoked(before)),
  });
  await unlessMissing(iam.send(command)).catch(awsProblem(`ending the sessions of role ${roleName}`));
}

/**
 * Puts tags on a role, over those of the same keys.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function tagRole(iam: IAMClient, { name: roleName }: AdoptableRole, tags: Record<string, string>): Promise<void> {
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  await iam.send(new TagRoleCommand({ RoleName: roleName, Tags })).catch(awsProblem(`tagging role ${roleName}`));
}

/**
 * Revokes a grant at once.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function revokeGrant(kms: KMSClient, { keyArn, id }: OwnGrant): Promise<void> {
  const command = new RevokeGrantCommand({ KeyId: keyArn, GrantId: id });
  await unlessMissing(kms.send(command)).catch(awsProblem(`revoking a grant on key ${keyArn}`));
}

/**
 * Deletes a bucket policy that holds only our statements: the bucket then has no policy, as before.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function deleteEmptiedBucketPolicy(s3: S3Client, { bucket }: EmptiedPolicy, owner: string): Promise<void> {
  const command = new DeleteBucketPolicyCommand({ Bucket: bucket, ExpectedBucketOwner: owner });
  await unlessMissing(s3.send(command)).catch(awsProblem(`deleting the emptied policy of bucket ${bucket}`));
}

/**
 * Puts a bucket's default encryption back to these rules; null deletes it, and S3 then uses SSE-S3 (S3 API reference, DeleteBucketEncryption).
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function restoreEncryption(s3: S3Client, { bucket }: OwnEncryption, rules: EncryptionRules, owner: string): Promise<void> {
  const which = { Bucket: bucket, ExpectedBucketOwner: owner };
  const done =
    rules === null
      ? s3.send(new DeleteBucketEncryptionCommand(which))
      : s3.send(new PutBucketEncryptionCommand({ ...which, ServerSideEncryptionConfiguration: { Rules: rules } }));
  await done.then(() => undefined).catch(awsProblem(`putting back the default encryption of bucket ${bucket}`));
}

/**
 * Writes the policy of a key that isn't ours, with our statements put in or taken out. KMS refuses one that would lock its writer out
 * (KMS API reference, PutKeyPolicy, BypassPolicyLockoutSafetyCheck).
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function putKeyPolicy(kms: KMSClient, { keyArn, text }: KeyPolicyChange): Promise<void> {
  const command = new PutKeyPolicyCommand({ KeyId: keyArn, PolicyName: "default", Policy: text });
  await kms.send(command).catch(awsProblem(`writing the policy of key ${keyArn}`));
}

const RETAINED = "drawbridge:retained";

/**
 * Marks a key as retained, with the time. Data that it encrypted stays readable.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function tagRetained(kms: KMSClient, { arn: keyArn }: OwnedKey, since: string): Promise<void> {
  const command = new TagResourceCommand({ KeyId: keyArn, Tags: [{ TagKey: RETAINED, TagValue: since }] });
  await kms.send(command).catch(awsProblem(`tagging key ${keyArn} as retained`));
}

/**
 * Removes the mark from a key that a stack has adopted again.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function clearRetained(kms: KMSClient, { arn: keyArn }: OwnedKey): Promise<void> {
  await kms
    .send(new UntagResourceCommand({ KeyId: keyArn, TagKeys: [RETAINED] }))
    .catch(awsProblem(`clearing the retained tag of key ${keyArn}`));
}

/**
 * Schedules a key's deletion; it can be cancelled in AWS until the day comes (AWS KMS guide, "Deleting AWS KMS keys").
 *
 * @param days 7 to 30
 * @returns RFC 3339, when AWS will delete it
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function scheduleKeyDeletion(kms: KMSClient, { arn: keyArn }: OwnedKey, days: number): Promise<string> {
  const command = new ScheduleKeyDeletionCommand({ KeyId: keyArn, PendingWindowInDays: days });
  const { DeletionDate } = await kms.send(command).catch(awsProblem(`scheduling the deletion of key ${keyArn}`));
  return (DeletionDate ?? new Date(Date.now() + days * 86_400_000)).toISOString();
}
