/** Reading a bucket, or folders of it, as contract grants. */

import type { ContractGrant } from "../../iam/contract/contract.ts";
import { bucketArn } from "../../iam/words/bucket-name.ts";

/** A bucket, or only some folders of it: prefixes that end with `/`. */
export interface BucketPart {
  bucket: string;
  prefixes?: readonly string[] | undefined;
}

/** The ARNs of all objects in that part of a bucket. */
export function objectArns({ bucket, prefixes }: BucketPart): string[] {
  return (prefixes ?? [""]).map((prefix) => bucketArn("aws", bucket, `${prefix}*`));
}

/**
 * Listing that part of a bucket. With prefixes the request must name one of them, or one without its slash, which is how a client
 * looks whether the folder is there (S3 user guide, "Bucket policy examples: s3:prefix").
 */
export function listGrant(id: string, { bucket, prefixes }: BucketPart, why: string): ContractGrant {
  const named = prefixes?.flatMap((prefix) => [`${prefix}*`, prefix.slice(0, -1)]);
  return {
    id,
    actions: ["s3:ListBucket"],
    resources: [bucketArn("aws", bucket)],
    ...(named && { condition: { StringLike: { "s3:prefix": named } } }),
    why,
  };
}
