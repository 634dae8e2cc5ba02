import * as z from "zod";

const reservedPrefixes = ["xn--", "sthree-", "amzn-s3-demo-"];
const reservedSuffixes = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];

function isBucketName(text: string): boolean {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(text)) return false;
  if (text.includes("..") || /^[0-9]+(\.[0-9]+){3}$/.test(text)) return false;
  return !reservedPrefixes.some((prefix) => text.startsWith(prefix)) && !reservedSuffixes.some((suffix) => text.endsWith(suffix));
}

/** A general purpose bucket's name (S3 user guide, "General purpose bucket naming rules"). It holds no wildcard by construction. */
export const BucketName = z
  .string()
  .max(63)
  .refine(isBucketName, "not an S3 bucket name: 3 to 63 lower-case letters, digits, dots or hyphens, and none of AWS's reserved forms");
export type BucketName = z.infer<typeof BucketName> & z.$brand<"BucketName">;

/** The bucket's name in `text`, or undefined. */
export function parseBucketName(text: string): BucketName | undefined {
  return BucketName.safeParse(text).data as BucketName | undefined;
}

/**
 * A prefix of object keys that means one folder: it ends with `/`, so that `in/` never takes in `in-secret/`. Printable
 * ASCII without wildcards, policy variables or white space, because it becomes part of a policy's resource and condition.
 */
export const ObjectPrefix = z
  .string()
  .max(512)
  .regex(/^[\x21-\x29\x2b-\x3e\x40-\x7e]+$/, "a prefix has printable ASCII characters, no space, no * and no ?")
  .refine((text) => text.endsWith("/"), "a prefix ends with /")
  .refine((text) => !text.startsWith("/") && !text.includes("//"), "a prefix has no empty folder name")
  .refine((text) => !text.includes("${"), "a prefix holds no policy variable");
export type ObjectPrefix = z.infer<typeof ObjectPrefix> & z.$brand<"ObjectPrefix">;

/** The prefix in `text`, or undefined. */
export function parseObjectPrefix(text: string): ObjectPrefix | undefined {
  return ObjectPrefix.safeParse(text).data as ObjectPrefix | undefined;
}

/** The ARN of a bucket, or of what lies in it: `bucketArn("aws", "b", "in/*")` is `arn:aws:s3:::b/in/*`. */
export function bucketArn(partition: string, bucket: string, key?: string): string {
  return key === undefined ? `arn:${partition}:s3:::${bucket}` : `arn:${partition}:s3:::${bucket}/${key}`;
}

/** The name of the bucket that an S3 ARN lies in, or undefined when the ARN isn't one of a bucket or object. */
export function bucketOfArn(arn: string): string | undefined {
  const match = /^arn:[a-z-]+:s3:::([^/]+)(\/.*)?$/s.exec(arn);
  return match?.[1];
}
