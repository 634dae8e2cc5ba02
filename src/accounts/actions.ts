/** The few direct writes into an account that aren't Pulumi's: each is one call, named by what it is for. */
import { type IAMClient, UpdateAssumeRolePolicyCommand } from "@aws-sdk/client-iam";
import { DeleteBucketPolicyCommand, type S3Client } from "@aws-sdk/client-s3";
import { closedTrust } from "../iam/trust.ts";
import { awsProblem, unlessMissing } from "./aws-problems.ts";

/**
 * Nobody can assume the role from now on (sessions that exist go on). A role that is gone is closed enough.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function closeTrust(iam: IAMClient, roleName: string): Promise<void> {
  const command = new UpdateAssumeRolePolicyCommand({ RoleName: roleName, PolicyDocument: JSON.stringify(closedTrust()) });
  await unlessMissing(iam.send(command)).catch(awsProblem(`closing the trust of role ${roleName}`));
}

/**
 * Takes away a bucket policy that held nothing but our statements, so that a bucket without a policy is one again.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function deleteEmptiedBucketPolicy(s3: S3Client, bucket: string, owner: string): Promise<void> {
  const command = new DeleteBucketPolicyCommand({ Bucket: bucket, ExpectedBucketOwner: owner });
  await unlessMissing(s3.send(command)).catch(awsProblem(`deleting the emptied policy of bucket ${bucket}`));
}
