import * as z from "zod";

/** AWS's partitions (AWS general reference, "Amazon Resource Names"). An IAM principal never reaches from one into another. */
export const partitions = ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"] as const;
export type Partition = (typeof partitions)[number];

/** The parts of `arn:partition:service:region:account:resource`; region and account are empty where the service has none. */
export interface Arn {
  partition: Partition;
  service: string;
  region: string;
  account: string;
  resource: string;
}

const pattern = /^arn:([a-z-]+):([a-z0-9-]+):([a-z0-9-]*):([0-9]{12}|aws|):(.+)$/s;

function isPartition(text: string): text is Partition {
  return (partitions as readonly string[]).includes(text);
}

/**
 * Reads an exact ARN, without wildcards outside its resource part. Undefined for anything else: unknown partition,
 * missing part, an account that is neither twelve digits nor `aws` (managed policies), white space.
 */
export function parseArn(text: string): Arn | undefined {
  const match = pattern.exec(text);
  const [, partition, service, region, account, resource] = match ?? [];
  if (partition === undefined || service === undefined || region === undefined || account === undefined || resource === undefined) return;
  if (!isPartition(partition) || /\s/.test(resource.slice(0, 1))) return;
  return { partition, service, region, account, resource };
}

/** The text of an ARN; the opposite of parseArn. */
export function formatArn(arn: Arn): string {
  return `arn:${arn.partition}:${arn.service}:${arn.region}:${arn.account}:${arn.resource}`;
}

/** One ARN of something in AWS, exact: no wildcard and no policy variable, which a parameter could smuggle into a document. */
export const ExactArn = z
  .string()
  .max(2048)
  .refine((text) => parseArn(text) !== undefined, "not an ARN")
  .refine((text) => isExact(text), "an ARN here has no wildcard, policy variable or white space");

/** Whether a text can stand in a document and mean only itself: no `*`, `?` or `${`, no control character, no white space. */
export function isExact(text: string): boolean {
  return !/[*?\s]|\$\{|[^\x21-\x7e]/.test(text);
}

/** An AWS region's code such as `eu-west-1` or `us-gov-west-1`. */
export const Region = z.string().regex(/^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$/, "a region's code looks like eu-west-1");

/** A KMS key's ARN: the key itself, never an alias, because IAM policies can't name a key by alias (KMS developer guide, "Key ARN"). */
export const KmsKeyArn = z
  .string()
  .regex(
    /^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key\/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/,
    "a KMS key's ARN looks like arn:aws:kms:<region>:<account>:key/<key id>; an alias isn't one",
  );

/** A role's ARN, with its path when it has one. */
export const RoleArn = z
  .string()
  .regex(
    /^arn:aws[a-z-]*:iam::[0-9]{12}:role\/([\x21-\x29\x2b-\x3e\x40-\x7e]+\/)?[A-Za-z0-9_+=,.@-]{1,64}$/,
    "a role's ARN looks like arn:aws:iam::<account>:role/<name>",
  );
