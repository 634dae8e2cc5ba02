/**
 * ConductorOne reads files from one bucket every hour. Source: ConductorOne's guide "AWS S3 bucket data storage"
 * (docs/vendors/conductorone.md has the differences and why).
 */
import { z } from "zod";
import type { ContractGrant } from "../iam/contract/contract.ts";
import { KmsKeyArn } from "../iam/words/arn.ts";
import { BucketName } from "../iam/words/bucket-name.ts";
import { RoleName } from "../iam/words/role-name.ts";
import { sidPrefix } from "../iam/words/sid.ts";
import { type BlueprintContext, defineBlueprint } from "./parts/blueprint.ts";
import { grantsPolicy, roleArn, roleStack, trustedWithExternalId } from "./parts/role-stack.ts";

/** The guide: "the only trusted entity should be the following ARN". */
const PRINCIPAL = "arn:aws:iam::765656841499:role/ConductorOneS3DatasourceService";
const POLICY_NAME = "ConductorOnePermissions";

const Parameters = z.strictObject({
  bucket: BucketName.describe("The bucket that holds the files ConductorOne imports."),
  roleName: RoleName.default("ConductorOneIntegration").describe(
    "The role's name. The guide's own name is the default; an account can have it once.",
  ),
  kmsKeyArn: KmsKeyArn.optional().describe(
    "The bucket's KMS key. The guide is silent on it, but reading an SSE-KMS object needs kms:Decrypt.",
  ),
});
type Parameters = z.infer<typeof Parameters>;

/**
 * The guide names all four actions on the bucket and its objects together; here each stands on its own resource type, with
 * the same effect (AWS service authorization reference, "Actions, resources, and condition keys for Amazon S3").
 */
function grants({ bucket, kmsKeyArn }: Parameters): ContractGrant[] {
  const arn = `arn:aws:s3:::${bucket}`;
  return [
    {
      id: "ListFiles",
      actions: ["s3:GetBucketLocation", "s3:ListBucket"],
      resources: [arn],
      why: "finds the files and the bucket's region",
    },
    { id: "ReadFiles", actions: ["s3:GetObject", "s3:GetObjectAttributes"], resources: [`${arn}/*`], why: "imports the files every hour" },
    ...(kmsKeyArn
      ? [{ id: "DecryptFiles", actions: ["kms:Decrypt"], resources: [kmsKeyArn], why: "reads objects that the key encrypts" }]
      : []),
  ];
}

const trusted = (context: BlueprintContext) => trustedWithExternalId(PRINCIPAL, context);

export const conductoroneS3 = defineBlueprint<Parameters>({
  id: "conductorone-s3",
  vendor: "conductorone",
  version: "1.0.0",
  title: "ConductorOne: S3 data source",
  source: { document: "AWS S3 bucket data storage", date: "2026-11-01" },
  parameters: Parameters,
  immutable: ["roleName"],
  roleNames: ["ConductorOneIntegration"],
  externalId: { issuer: "vendor", samples: ["<EXTERNAL ID FROM C1>"] },
  access: [
    "ConductorOne's service role, and nobody else of its account, may assume the role with the external id.",
    "It may find the bucket's region, list the bucket and read its objects and their attributes.",
    "With kmsKeyArn it may decrypt with that key. It can write nothing.",
  ],
  differences: [
    {
      guide: "One statement gives all four actions on the bucket and on its objects.",
      here: "Two statements: the bucket's actions on the bucket, the objects' on the objects.",
      why: "Each action works on one of the two only, so the effect is the same and the document says what it does.",
    },
    {
      guide: "Silent on buckets that encrypt with a KMS key.",
      here: "kmsKeyArn adds kms:Decrypt on that one key.",
      why: "Without it the hourly sync can list such a bucket but read nothing.",
    },
  ],
  troubleshooting: [
    {
      row: "assume.1.right-id",
      means: "ConductorOne shows another external id: closing its window makes a new one. Send the newest; the role stays the same.",
    },
    {
      row: "allow.ReadFiles.s3:GetObject",
      means: "A Deny in the bucket's policy, or the permissions boundary, keeps the hourly sync out.",
    },
    { row: "allow.DecryptFiles.kms:Decrypt", means: "The key's policy doesn't delegate to the account's IAM; it needs a grant." },
  ],
  handOffFields: [
    { field: "Role ARN", what: "the role that ConductorOne assumes" },
    { field: "Bucket name", what: "the bucket it reads" },
  ],
  stacks: (parameters, context) => [
    roleStack({
      context,
      name: parameters.roleName,
      description: "Lets ConductorOne read files from one S3 bucket",
      trusted: trusted(context),
      inlinePolicies: [{ name: POLICY_NAME, document: grantsPolicy(grants(parameters)) }],
    }),
  ],
  contract: (parameters, context) => ({
    roles: [
      {
        roleArn: roleArn(context, parameters.roleName),
        trusted: trusted(context),
        grants: grants(parameters),
        denied: [],
        probePrincipals: [PRINCIPAL],
      },
    ],
    resources: [],
    sidPrefix: sidPrefix(context.tenant, context.integration),
    acceptedBreadth: [],
  }),
  expectations: ({ bucket, roleName, kmsKeyArn }) => ({
    buckets: [bucket],
    roleNames: [roleName],
    keyArns: kmsKeyArn ? [kmsKeyArn] : [],
    encryption: [],
    pointers: {
      [bucket]: "/parameters/bucket",
      [roleName]: "/parameters/roleName",
      ...(kmsKeyArn && { [kmsKeyArn]: "/parameters/kmsKeyArn" }),
    },
  }),
  handOff: ({ bucket, roleName }, context) => [
    { field: "Role ARN", value: roleArn(context, roleName), where: "Integrations > S3 > Role ARN" },
    { field: "Bucket name", value: bucket, where: "Integrations > S3 > name of the S3 bucket" },
  ],
});
