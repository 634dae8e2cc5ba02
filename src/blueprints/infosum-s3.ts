/**
 * InfoSum imports files from one bucket. Source: InfoSum's guide "Configuring Amazon S3 Cross-Account for Imports"
 * (docs/vendors/infosum.md has the differences and why). InfoSum makes its external id only once it knows the role's ARN, so
 * the role exists first, with a closed trust.
 */
import { z } from "zod";
import type { ContractGrant } from "../iam/contract/contract.ts";
import { KmsKeyArn } from "../iam/words/arn.ts";
import { BucketName, ObjectPrefix } from "../iam/words/bucket-name.ts";
import { RoleName, SessionName } from "../iam/words/role-name.ts";
import { sidPrefix } from "../iam/words/sid.ts";
import { type BlueprintContext, defineBlueprint } from "./parts/blueprint.ts";
import { grantsPolicy, ownRoleName, roleArn, roleStack, trustedWithExternalId } from "./parts/role-stack.ts";
import { listGrant, objectArns } from "./parts/s3-grants.ts";

const CONNECTOR = "arn:aws:sts::134928160093:assumed-role/InfoSumImportConnector";
const POLICY_NAME = "InfoSumImport";

const Parameters = z.strictObject({
  bucket: BucketName.describe(
    "The bucket to import from. Optional in the guide, required here: without it the role could read every bucket.",
  ),
  prefix: ObjectPrefix.optional().describe("Only this folder of the bucket; ends with /."),
  sessionName: SessionName.describe("The Session Name: your choice, the same here and in InfoSum's import connector."),
  roleName: RoleName.optional().describe("The role's name; left out, one of the integration's own is made."),
  kmsKeyArn: KmsKeyArn.optional().describe(
    "The bucket's KMS key. The guide is silent on it, but reading an SSE-KMS object needs kms:Decrypt.",
  ),
});
type Parameters = z.infer<typeof Parameters>;

const roleName = ({ roleName: given }: Parameters, context: BlueprintContext): string => given ?? ownRoleName("InfoSumImport", context);
const principal = ({ sessionName }: Parameters): string => `${CONNECTOR}/${sessionName}`;

function grants({ bucket, prefix, kmsKeyArn }: Parameters): ContractGrant[] {
  const part = { bucket, prefixes: prefix === undefined ? undefined : [prefix] };
  return [
    listGrant("ListFiles", part, "finds the files to import"),
    { id: "ReadFiles", actions: ["s3:GetObject"], resources: objectArns(part), why: "imports the files" },
    ...(kmsKeyArn
      ? [{ id: "DecryptFiles", actions: ["kms:Decrypt"], resources: [kmsKeyArn], why: "reads objects that the key encrypts" }]
      : []),
  ];
}

export const infosumS3 = defineBlueprint<Parameters>({
  id: "infosum-s3",
  vendor: "infosum",
  version: "1.0.0",
  title: "InfoSum: S3 cross-account import",
  source: { document: "Configuring Amazon S3 Cross-Account for Imports", date: "2026-11-01" },
  parameters: Parameters,
  immutable: ["roleName"],
  roleNames: ["InfoSumImport-*"],
  externalId: { issuer: "vendor", samples: [] },
  access: [
    "Exactly one session of InfoSum's import connector, the one with your session name, may assume the role with the external id.",
    "It may list the bucket and read its objects; with prefix only those in that folder.",
    "With kmsKeyArn it may decrypt with that key. It can write nothing.",
  ],
  differences: [
    {
      guide: "The role is made for the service S3 and gets its real trust later.",
      here: "The role is made with a closed trust, which nobody can pass.",
      why: "Until the external id is known there is no reason for anybody to get in.",
    },
    {
      guide: "The policy may be limited to a bucket as an option.",
      here: "The bucket is required.",
      why: "Without it the role reads every bucket of the account.",
    },
    {
      guide: "A prefix is only told to InfoSum.",
      here: "A prefix limits listing and reading.",
      why: "What InfoSum doesn't import it needn't be able to read.",
    },
    {
      guide: "The external id printed in the guide's sample.",
      here: "Refused.",
      why: "Everybody who reads the guide has it.",
    },
    {
      guide: "A customer managed policy, attached.",
      here: "An inline policy of the role, with the same effect.",
      why: "It lives and dies with the role, and nothing else can use it.",
    },
  ],
  troubleshooting: [
    {
      row: "assume.1.right-id",
      means: "Session name or external id differ from those in the connector: compare them by eye, the session name is case-sensitive.",
    },
    {
      row: "allow.ReadFiles.s3:GetObject",
      means: "A statement of the bucket's policy denies it; its Sid stands in the row. Adding the role to an Allow doesn't cure a Deny.",
    },
  ],
  handOffFields: [
    { field: "User ARN", what: "the role's ARN: InfoSum calls it User ARN" },
    { field: "Session Name", what: "the session name" },
    { field: "Bucket name", what: "the bucket to import from" },
    { field: "Prefix", what: "the folder, if one is given" },
    { field: "Principal", what: "to compare with what the connector shows" },
    { field: "External ID", what: "to compare with what the connector shows, once it's known" },
  ],
  stacks: (parameters, context) => [
    roleStack({
      context,
      name: roleName(parameters, context),
      description: "Lets InfoSum import files from one S3 bucket",
      trusted: trustedWithExternalId(principal(parameters), context),
      inlinePolicies: [{ name: POLICY_NAME, document: grantsPolicy(grants(parameters)) }],
    }),
  ],
  contract: (parameters, context) => ({
    roles: [
      {
        roleArn: roleArn(context, roleName(parameters, context)),
        trusted: trustedWithExternalId(principal(parameters), context),
        grants: grants(parameters),
        denied: [],
        probePrincipals: [principal(parameters)],
      },
    ],
    resources: [],
    sidPrefix: sidPrefix(context.tenant, context.integration),
    acceptedBreadth: [],
  }),
  expectations: (parameters, context) => ({
    buckets: [parameters.bucket],
    roleNames: [roleName(parameters, context)],
    keyArns: parameters.kmsKeyArn ? [parameters.kmsKeyArn] : [],
    encryption: [],
    pointers: {
      [parameters.bucket]: "/parameters/bucket",
      [roleName(parameters, context)]: "/parameters/roleName",
      ...(parameters.kmsKeyArn && { [parameters.kmsKeyArn]: "/parameters/kmsKeyArn" }),
    },
  }),
  handOff: (parameters, context) => {
    const where = "Importing > Manage ICCs > Create new ICC > s3 cross-account";
    const [externalId] = context.externalIds.slice(-1);
    return [
      { field: "User ARN", value: roleArn(context, roleName(parameters, context)), where },
      { field: "Session Name", value: parameters.sessionName, where },
      { field: "Bucket name", value: parameters.bucket, where },
      ...(parameters.prefix ? [{ field: "Prefix", value: parameters.prefix, where }] : []),
      { field: "Principal", value: principal(parameters), where: "Manage ICCs > the connector > Details, to compare" },
      ...(externalId
        ? [
            {
              field: "External ID",
              value: externalId,
              where: "Manage ICCs > the connector > Details, to compare",
              sensitive: true as const,
            },
          ]
        : []),
    ];
  },
});
