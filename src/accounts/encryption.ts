/** The default encryption of a bucket that isn't ours. We change it only while it names a key of ours. */
import { GetBucketEncryptionCommand, type S3Client, type ServerSideEncryptionRule } from "@aws-sdk/client-s3";
import { awsProblem, unlessMissing } from "./aws-problems.ts";
import type { OwnedKey } from "./keys.ts";

const own = Symbol("own");

/** A bucket whose default encryption names a key of ours. */
export interface OwnEncryption {
  readonly [own]: true;
  readonly bucket: string;
}

/** The rules of a bucket's default encryption as S3 returns them; null if the bucket has none of its own (S3 then uses SSE-S3). */
export type EncryptionRules = ServerSideEncryptionRule[] | null;

/**
 * Reads the bucket's default encryption.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function readEncryption(s3: S3Client, bucket: string, owner: string): Promise<EncryptionRules> {
  const command = new GetBucketEncryptionCommand({ Bucket: bucket, ExpectedBucketOwner: owner });
  const answer = await unlessMissing(s3.send(command)).catch(awsProblem(`reading the default encryption of bucket ${bucket}`));
  return answer?.ServerSideEncryptionConfiguration?.Rules ?? null;
}

/** The bucket, if one of these keys is its default encryption; undefined for every other setting. */
export function ownEncryption(bucket: string, live: EncryptionRules, keys: readonly OwnedKey[]): OwnEncryption | undefined {
  const named = live?.[0]?.ApplyServerSideEncryptionByDefault?.KMSMasterKeyID;
  // S3 returns the key as it was written: by its ARN or by its id.
  const isOurs = named !== undefined && keys.some(({ arn, id }) => named === arn || named === id);
  return isOurs ? { [own]: true, bucket } : undefined;
}
