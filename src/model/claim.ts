/** Resources of an account as claims name them. */
import { z } from "zod";

// IAM user guide, "IAM identifiers"; S3 user guide, "Bucket naming rules"; KMS API reference, CreateAlias and "Key ARN"
const forms = [
  /^role\/[\w+=,.@-]{1,64}$/,
  /^bucket\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
  /^alias\/[A-Za-z0-9/_-]{1,250}$/,
  /^key\/arn:aws(?:-[a-z]+)*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]{1,64}$/,
  /^arn:aws(?:-[a-z]+)*:[a-z0-9-]+:[a-z0-9-]*:\d{12}:[\w+=,.@:/-]{1,512}$/,
];

/** `role/<name>`, `bucket/<name>`, `alias/<name>`, `key/<ARN>`, or the ARN of another resource, without wildcards. */
export const resourceSchema = z
  .string()
  .max(700)
  .refine((text) => forms.some((form) => form.test(text)), {
    error: "A resource is role/<name>, bucket/<name>, alias/<name>, key/<ARN> or an ARN",
  })
  .meta({ example: "bucket/acme-exports" });

/**
 * One text for one resource, however it is spelled. IAM distinguishes no upper and lower case in the names of roles (IAM API reference,
 * CreateRole). A multi-Region key has replicas with the same key material in other regions (KMS guide, "Multi-Region keys in AWS KMS").
 */
export function canonicalResource(resource: string): string {
  if (resource.startsWith("role/")) return resource.toLowerCase();
  return resource.replace(/^(key\/arn:[^:]+:kms:)[^:]*(:\d{12}:key\/mrk-)/, "$1$2");
}

/** The account in a resource's ARN; undefined for a name. */
export const accountOfResource = (resource: string): string | undefined => /arn:[^:]*:[^:]*:[^:]*:(\d{12}):/.exec(resource)?.[1];
