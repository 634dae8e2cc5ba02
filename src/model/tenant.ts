/** A customer: an AWS account, a region and the way in. Timestamps are RFC 3339. */
import { z } from "zod";

export const accountId = z
  .string()
  .regex(/^\d{12}$/, "An AWS account id is a string of 12 digits")
  .meta({ example: "111122223333" });

// IAM user guide, "IAM identifiers": arn:partition:iam::account:role/path/name, path up to 512 and name up to 64 characters
const roleArn = z
  .string()
  .max(700)
  .regex(
    /^arn:aws(?:-[a-z]+)*:iam::\d{12}:role\/(?:[!-.0-~]+\/)*[\w+=,.@-]{1,64}$/,
    "An IAM role ARN is arn:aws:iam::<12 digits>:role/<name>",
  )
  .meta({ example: "arn:aws:iam::111122223333:role/DrawbridgeProvisioning" });

export const policyArn = z
  .string()
  .max(700)
  .regex(
    /^arn:aws(?:-[a-z]+)*:iam::(?:\d{12}|aws):policy\/(?:[!-.0-~]+\/)*[\w+=,.@-]{1,128}$/,
    "A policy ARN is arn:aws:iam::<12 digits>:policy/<name>",
  );

export const region = z
  .string()
  .regex(/^[a-z]{2,4}(?:-[a-z]+){1,2}-\d{1,2}$/, "An AWS region, such as eu-west-1")
  .meta({ example: "eu-west-1" });

// IAM tags: keys up to 128, values up to 256 characters, 50 a role; ten are kept for our own
const tags = z
  .record(
    z
      .string()
      .regex(
        /^(?![aA][wW][sS]:|[dD][rR][aA][wW][bB][rR][iI][dD][gG][eE]:)[A-Za-z0-9 _.:/=+@-]{1,128}$/,
        "A tag key has 1 to 128 letters, digits, spaces and _ . : / = + - @, and doesn't begin with aws: or drawbridge:",
      ),
    z.string().regex(/^[A-Za-z0-9 _.:/=+@-]{0,256}$/, "A tag value has up to 256 letters, digits, spaces and _ . : / = + - @"),
  )
  .refine((record) => Object.keys(record).length <= 40, "At most 40 tags")
  // IAM user guide, "Tags for IAM resources": a role can't have `Team` and `team`.
  .refine((record) => new Set(Object.keys(record).map((key) => key.toLowerCase())).size === Object.keys(record).length, {
    error: "Two tag keys differ in case alone; to IAM they are the same key",
  });

export const tenantAccess = z
  .discriminatedUnion("mode", [
    z.strictObject({ mode: z.literal("assume-role"), roleArn }),
    z.strictObject({ mode: z.literal("own-credentials") }),
    z.strictObject({ mode: z.literal("hand-off") }),
  ])
  .meta({ id: "TenantAccess" });

export const tenantBody = z
  .strictObject({
    accountId,
    region,
    access: tenantAccess,
    permissionsBoundaryArn: policyArn.exactOptional(),
    tags: tags.exactOptional(),
  })
  .meta({ id: "TenantBody" });

export type TenantAccess = z.output<typeof tenantAccess>;

export interface TenantRecord {
  name: string;
  /** 12 digits */
  accountId: string;
  region: string;
  access: TenantAccess;
  permissionsBoundaryArn?: string;
  tags: Record<string, string>;
  /** One per account id, made by us; sent with every AssumeRole of the provisioning role. */
  provisioningExternalId: string;
  createdAt: string;
  updatedAt: string;
}
