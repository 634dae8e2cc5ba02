/**
 * A vendor without a blueprint of its own reads, or reads and writes, parts of buckets. Its principal comes from the request, so
 * it must be on the administrator's list, and whatever widens its access needs somebody else's approval.
 */
import { z } from "zod";
import type { ContractGrant } from "../iam/contract/contract.ts";
import { uncovered } from "../iam/contract/coverage.ts";
import { KmsKeyArn } from "../iam/words/arn.ts";
import { BucketName, ObjectPrefix } from "../iam/words/bucket-name.ts";
import { OutsidePrincipal, parsePrincipal } from "../iam/words/principal.ts";
import { RoleName } from "../iam/words/role-name.ts";
import { sidPrefix } from "../iam/words/sid.ts";
import { type BlueprintContext, defineBlueprint } from "./parts/blueprint.ts";
import { grantsPolicy, ownRoleName, roleArn, roleStack, trustedWithExternalId } from "./parts/role-stack.ts";
import { listGrant, objectArns } from "./parts/s3-grants.ts";

const POLICY_NAME = "DrawbridgeCustomS3";

const distinct = (values: readonly string[]): boolean => new Set(values).size === values.length;

const Part = z.strictObject({
  bucket: BucketName.describe("The bucket."),
  prefixes: z
    .array(ObjectPrefix)
    .min(1)
    .max(20)
    .refine(distinct, "a prefix stands here once")
    .optional()
    .describe("Only these folders of it; each ends with /."),
});

const Parameters = z.strictObject({
  vendor: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, "a vendor's name has 1 to 40 lower-case letters, digits and hyphens")
    .describe("The vendor's name, as on the list of trusted principals."),
  principalArn: OutsidePrincipal.refine((text) => parsePrincipal(text)?.kind !== "service", "a service isn't an outside vendor").describe(
    "Who may assume the role: the vendor's role, user, role session or, at the widest, account (arn:aws:iam::<id>:root).",
  ),
  access: z.enum(["read", "read-write"]).describe("read: list and read. read-write: also write and delete."),
  buckets: z
    .array(Part)
    .min(1)
    .max(10)
    .refine((parts) => distinct(parts.map(({ bucket }) => bucket)), "a bucket stands here once")
    .describe("What the vendor works on."),
  kmsKeyArn: KmsKeyArn.optional().describe("The KMS key of the buckets."),
  roleName: RoleName.optional().describe("The role's name; left out, one of the integration's own is made."),
});
type Parameters = z.infer<typeof Parameters>;

const roleName = ({ roleName: given, vendor }: Parameters, context: BlueprintContext): string =>
  given ?? ownRoleName(`DrawbridgeCustom-${vendor}`.slice(0, 40), context);

function grants({ access, buckets, kmsKeyArn }: Parameters): ContractGrant[] {
  const writes = access === "read-write";
  const keyActions = writes ? ["kms:Decrypt", "kms:GenerateDataKey"] : ["kms:Decrypt"];
  const objects = buckets.flatMap(objectArns);
  return [
    ...buckets.map((part, index) => listGrant(`ListFiles${index + 1}`, part, `lists ${part.bucket}`)),
    { id: "ReadFiles", actions: ["s3:GetObject"], resources: objects, why: "reads files" },
    ...(writes
      ? [{ id: "WriteFiles", actions: ["s3:PutObject", "s3:DeleteObject"], resources: objects, why: "writes and removes files" }]
      : []),
    ...(kmsKeyArn ? [{ id: "UseKey", actions: keyActions, resources: [kmsKeyArn], why: "works on objects that the key encrypts" }] : []),
  ];
}

/** A create, another principal, and each statement that gives more than what there was. */
function approvals(before: Parameters | undefined, after: Parameters): string[] {
  if (before === undefined) return [`${after.vendor} would get access as ${after.principalArn}.`];
  const had = grants(before);
  const wider = grantsPolicy(grants(after)).Statement.flatMap((statement) => {
    const why = uncovered(statement, had);
    return why === undefined ? [] : [`Statement ${statement.Sid} would be wider: ${why}, which it doesn't now.`];
  });
  if (before.principalArn === after.principalArn) return wider;
  return [`The role would trust ${after.principalArn} instead of ${before.principalArn}.`, ...wider];
}

export const customS3 = defineBlueprint<Parameters>({
  id: "custom-s3",
  vendor: "custom",
  version: "1.0.0",
  title: "Another vendor: S3 by an approved principal",
  source: { document: "AWS IAM user guide, Access to AWS accounts owned by third parties", date: "2026-11-01" },
  parameters: Parameters,
  immutable: ["roleName", "vendor"],
  roleNames: ["DrawbridgeCustom-*"],
  externalId: { issuer: "drawbridge", samples: [] },
  access: [
    "The principal that an administrator put on the list, and nobody else, may assume the role with the external id.",
    "It may list and read the buckets or folders named; with read-write also write and delete objects there.",
    "With kmsKeyArn it may use that key for as much. Creating it, and whatever widens it, needs an approval by somebody else.",
  ],
  differences: [],
  troubleshooting: [
    { row: "assume.1.right-id", means: "The vendor works as another principal than the one on the list, or sends another external id." },
  ],
  handOffFields: [
    { field: "Role ARN", what: "the role that the vendor assumes" },
    { field: "External ID", what: "what it sends with AssumeRole" },
    { field: "Buckets", what: "what it works on" },
    { field: "KMS key ARN", what: "the buckets' key, if one is given" },
  ],
  stacks: (parameters, context) => [
    roleStack({
      context,
      name: roleName(parameters, context),
      description: `Lets ${parameters.vendor} ${parameters.access === "read" ? "read" : "read and write"} S3 buckets`,
      trusted: trustedWithExternalId(parameters.principalArn, context),
      inlinePolicies: [{ name: POLICY_NAME, document: grantsPolicy(grants(parameters)) }],
    }),
  ],
  contract: (parameters, context) => ({
    roles: [
      {
        roleArn: roleArn(context, roleName(parameters, context)),
        trusted: trustedWithExternalId(parameters.principalArn, context),
        grants: grants(parameters),
        denied: [],
        probePrincipals: [parameters.principalArn],
      },
    ],
    resources: [],
    sidPrefix: sidPrefix(context.tenant, context.integration),
    acceptedBreadth: [],
  }),
  expectations: (parameters, context) => ({
    buckets: parameters.buckets.map(({ bucket }) => bucket),
    roleNames: [roleName(parameters, context)],
    keyArns: parameters.kmsKeyArn ? [parameters.kmsKeyArn] : [],
    encryption: [],
    pointers: {
      ...Object.fromEntries(parameters.buckets.map(({ bucket }, index) => [bucket, `/parameters/buckets/${index}/bucket`])),
      [roleName(parameters, context)]: "/parameters/roleName",
      ...(parameters.kmsKeyArn && { [parameters.kmsKeyArn]: "/parameters/kmsKeyArn" }),
    },
  }),
  handOff: (parameters, context) => {
    const where = `${parameters.vendor}'s set-up of S3 access by role`;
    const parts = parameters.buckets.flatMap(({ bucket, prefixes }) =>
      (prefixes ?? [""]).map((prefix) => (prefix ? `${bucket}/${prefix}` : bucket)),
    );
    const [externalId] = context.externalIds.slice(-1);
    return [
      { field: "Role ARN", value: roleArn(context, roleName(parameters, context)), where },
      ...(externalId ? [{ field: "External ID", value: externalId, where, sensitive: true as const }] : []),
      { field: "Buckets", value: parts.join(", "), where },
      ...(parameters.kmsKeyArn ? [{ field: "KMS key ARN", value: parameters.kmsKeyArn, where }] : []),
    ];
  },
  vendorNamed: ({ vendor }) => vendor,
  outsidePrincipals: ({ principalArn }) => [{ arn: principalArn, pointer: "/parameters/principalArn" }],
  approvals,
});
