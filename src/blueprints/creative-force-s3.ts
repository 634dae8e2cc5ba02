/**
 * Creative Force reads from a bucket (data source) or delivers into it (delivery). Source: Creative Force's guide "Setup for
 * S3 connection using IAM Role" (docs/vendors/creative-force.md has the differences and why).
 */
import { z } from "zod";
import { reference } from "../../stacks/references.ts";
import type { StackSpec } from "../../stacks/stack.ts";
import type { AccessContract, ContractGrant, ResourceContract } from "../iam/contract/contract.ts";
import { KmsKeyArn } from "../iam/words/arn.ts";
import { BucketName } from "../iam/words/bucket-name.ts";
import { RoleName } from "../iam/words/role-name.ts";
import { ourSid, sidPrefix } from "../iam/words/sid.ts";
import { type BlueprintContext, defineBlueprint } from "./parts/blueprint.ts";
import { inDocument, keyContract, madeKeyArn, ownedKeyStack, ownKeyReference } from "./parts/owned-key.ts";
import { grantsPolicy, ownRoleName, roleArn, roleStack, roleStackKey, trustedWithExternalId } from "./parts/role-stack.ts";

/** The guide's final form; its interim one, the whole account 092392787187, is never written. */
const PRINCIPAL = "arn:aws:iam::092392787187:user/CreativeForceCloudS3";
const POLICY_NAME = "CreativeForceS3";

const Encryption = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("SSE-S3") }).describe("S3's own keys."),
  z
    .strictObject({
      type: z.literal("SSE-KMS"),
      kmsKeyArn: KmsKeyArn.optional().describe("A key that exists."),
      createKey: z.literal(true).optional().describe("Makes a key that Drawbridge owns; it outlives the integration."),
      applyBucketEncryption: z
        .boolean()
        .optional()
        .describe(
          "With createKey: makes the new key the bucket's default encryption, once somebody else has approved it. A teardown puts back what was there before.",
        ),
    })
    .refine((key) => (key.kmsKeyArn === undefined) !== (key.createKey === undefined), "give either kmsKeyArn or createKey: true")
    .refine((key) => key.createKey || key.applyBucketEncryption === undefined, {
      message: "a bucket's default encryption is only changed to a key made here: applyBucketEncryption needs createKey: true",
      path: ["applyBucketEncryption"],
    }),
]);

const Parameters = z.strictObject({
  mode: z.enum(["data-source", "delivery"]).describe("data-source: it reads. delivery: it reads and writes."),
  bucket: BucketName.describe("The bucket that Creative Force works on."),
  encryption: Encryption.describe("How the bucket encrypts. Creative Force takes no unencrypted and no client-side encrypted buckets."),
  roleName: RoleName.optional().describe("The role's name; left out, one of the integration's own is made."),
  bucketPolicy: z
    .enum(["none", "least", "vendor-exact"])
    .default("none")
    .describe(
      "none: the role is of the bucket's account and needs no statement. least: it may list the bucket and find its region. vendor-exact: the guide's s3:* on the bucket, once somebody else approved it.",
    ),
  alsoDecrypt: z
    .array(KmsKeyArn)
    .max(10)
    .refine((keys) => new Set(keys).size === keys.length, "a key stands here once")
    .default([])
    .describe("Keys that encrypted older objects, which must stay readable."),
});
type Parameters = z.infer<typeof Parameters>;

const bucketArn = ({ bucket }: Parameters): string => `arn:aws:s3:::${bucket}`;
const roleName = ({ roleName: given }: Parameters, context: BlueprintContext): string => given ?? ownRoleName("CreativeForceS3", context);
const makesKey = ({ encryption }: Parameters): boolean => encryption.type === "SSE-KMS" && encryption.createKey === true;

/** The key that the bucket uses: the one given, or `made`, which stands for the one that we make. */
function keyOf({ encryption }: Parameters, made: string): string | undefined {
  return encryption.type === "SSE-KMS" ? (encryption.kmsKeyArn ?? made) : undefined;
}

/**
 * The guide's sample is delivery with KMS; a data source only reads, so it encrypts nothing. Object actions stand on the
 * objects alone: on the bare bucket, where the guide has them too, AWS never applies them.
 */
function grants(parameters: Parameters, made: string): ContractGrant[] {
  const objects = [`${bucketArn(parameters)}/*`];
  const writes = parameters.mode === "delivery";
  const key = keyOf(parameters, made);
  const older = parameters.alsoDecrypt.filter((arn) => arn !== key);
  const keyActions = writes ? ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"] : ["kms:Decrypt"];
  const upload = { actions: ["s3:PutObject", "s3:PutObjectAcl"], resources: objects, why: "delivers assets" };
  return [
    ...(key
      ? [{ id: "KMS", actions: keyActions, resources: [key], why: `reads ${writes ? "and writes " : ""}objects that the key encrypts` }]
      : []),
    ...(older.length > 0
      ? [{ id: "KMSOlder", actions: ["kms:Decrypt"], resources: older, why: "reads objects that older keys encrypted" }]
      : []),
    ...(writes ? [{ id: "UploadObjectS3", ...upload }] : []),
    { id: "ReadObjectS3", actions: ["s3:GetObject", "s3:GetObjectVersion"], resources: objects, why: "reads assets" },
    { id: "ReadListS3", actions: ["s3:ListBucket"], resources: [bucketArn(parameters)], why: "sees whether a file is there" },
  ];
}

function stacks(parameters: Parameters, context: BlueprintContext): StackSpec[] {
  const { bucketPolicy, bucket } = parameters;
  const made = ownKeyReference(context.integration);
  const role = roleStack({
    context,
    name: roleName(parameters, context),
    description: `Lets Creative Force ${parameters.mode === "delivery" ? "deliver into" : "read"} one S3 bucket`,
    trusted: trustedWithExternalId(PRINCIPAL, context),
    inlinePolicies: [{ name: POLICY_NAME, document: grantsPolicy(grants(parameters, made)) }],
  });
  const applied = appliesEncryption(parameters) ? bucket : undefined;
  return [
    ...(makesKey(parameters) ? [ownedKeyStack(context, "Encrypts what Creative Force works on", applied)] : []),
    role,
    ...(bucketPolicy !== "none" ? [bucketPolicyStack(parameters, context)] : []),
  ];
}

/** What our statement gives the role on the bucket itself. */
const bucketActions = ({ bucketPolicy }: Parameters): string[] =>
  ({ none: [], least: ["s3:GetBucketLocation", "s3:ListBucket"], "vendor-exact": ["s3:*"] })[bucketPolicy];

/** Our statement alone; what others have in the bucket's policy is merged in when it is applied. */
function bucketPolicyStack(parameters: Parameters, context: BlueprintContext): StackSpec {
  const statement = {
    Sid: ourSid(context.tenant, context.integration, parameters.bucketPolicy === "least" ? "list" : "exact"),
    Effect: "Allow" as const,
    Principal: { AWS: inDocument(reference("role", roleStackKey(context.integration), "roleArn")) },
    Action: bucketActions(parameters),
    Resource: bucketArn(parameters),
  };
  const { bucket } = parameters;
  return { kind: "bucket-policy", key: bucket, inputs: { bucket, policy: { Version: "2012-10-17", Statement: [statement] } } };
}

function contract(parameters: Parameters, context: BlueprintContext): AccessContract {
  const made = madeKeyArn(context) ?? ownKeyReference(context.integration);
  const arn = roleArn(context, roleName(parameters, context));
  const bucket = bucketArn(parameters);
  const given = { principal: arn, actions: bucketActions(parameters), resources: [bucket] };
  const onBucket: ResourceContract = { resource: bucket, ...given };
  const exact = parameters.bucketPolicy === "vendor-exact";
  return {
    roles: [
      {
        roleArn: arn,
        trusted: trustedWithExternalId(PRINCIPAL, context),
        grants: grants(parameters, made),
        denied: [],
        probePrincipals: [PRINCIPAL],
      },
    ],
    resources: [...(parameters.bucketPolicy !== "none" ? [onBucket] : []), ...(makesKey(parameters) ? [keyContract(made, context)] : [])],
    sidPrefix: sidPrefix(context.tenant, context.integration),
    ...(makesKey(parameters) && { ownedKeys: [made] }),
    acceptedBreadth: [],
    ...(exact && { exceptions: [{ ...given, why: "The vendor's guide prints it; DeleteBucket and PutBucketPolicy are among it." }] }),
  };
}

/** The guide's bucket policy lets the role take the bucket over. */
function approvals(before: Parameters | undefined, after: Parameters): string[] {
  const isNew = (applies: (parameters: Parameters) => boolean) =>
    applies(after) && !(before !== undefined && applies(before) && before.bucket === after.bucket);
  return [
    ...(isNew(({ bucketPolicy }) => bucketPolicy === "vendor-exact")
      ? [
          `The policy of bucket ${after.bucket} would give the role s3:*, DeleteBucket and PutBucketPolicy among it; the vendor works without.`,
        ]
      : []),
    ...(isNew(appliesEncryption)
      ? [
          `The default encryption of bucket ${after.bucket} would change to a key that Drawbridge makes. All writers of the bucket are affected.`,
        ]
      : []),
  ];
}

/** Whether the bucket's own default encryption is to change. */
const appliesEncryption = ({ encryption }: Parameters): boolean =>
  encryption.type === "SSE-KMS" && encryption.applyBucketEncryption === true;

export const creativeForceS3 = defineBlueprint<Parameters>({
  id: "creative-force-s3",
  vendor: "creative-force",
  version: "1.0.0",
  title: "Creative Force: S3 data source or delivery",
  source: { document: "Setup for S3 connection using IAM Role", date: "2026-11-01" },
  parameters: Parameters,
  immutable: ["roleName"],
  roleNames: ["CreativeForceS3-*"],
  externalId: { issuer: "drawbridge", samples: [] },
  access: [
    "Creative Force's user CreativeForceCloudS3, and nobody else of its account, may assume the role with the external id.",
    "A data source may list the bucket and read its objects, versions included. A delivery may also write objects and their ACLs.",
    "With SSE-KMS it may decrypt with the bucket's key; a delivery may also encrypt with it. It can delete nothing.",
  ],
  differences: [
    {
      guide: "The trust begins with the whole account 092392787187 and is narrowed to the user later.",
      here: "The user from the first moment.",
      why: "Nobody forgets the second step, and there is no time in which any principal of that account gets in.",
    },
    {
      guide: "The bucket's policy gives the role s3:* on the bucket.",
      here: "No statement (none), or listing and the bucket's region alone (least). The guide's form (vendor-exact) needs an approval.",
      why: "s3:* on the bucket is DeleteBucket and PutBucketPolicy too. Role and bucket are of one account, so the role's own policy is enough.",
    },
    {
      guide: "The bucket policy's Sid and Id are fixed texts.",
      here: "Sids of the integration's own.",
      why: "A data source and a delivery on one bucket would overwrite each other.",
    },
    {
      guide: "Object actions on the bucket and on its objects.",
      here: "On the objects.",
      why: "AWS never applies them to a bucket; the effect is the same.",
    },
    {
      guide: "One sample with kms:Encrypt and kms:GenerateDataKey.",
      here: "Those two for a delivery; a data source gets kms:Decrypt.",
      why: "Reading needs no more.",
    },
    {
      guide: "An external id in free text.",
      here: "Left out, Drawbridge makes one of 192 random bits.",
      why: "Free text invites guessable ids.",
    },
  ],
  troubleshooting: [
    { row: "allow.ReadListS3.s3:ListBucket", means: "The delivery's status stays red: it looks whether a file exists before it writes." },
    {
      row: "allow.KMS.kms:Decrypt",
      means: "The bucket's encryption changed. Send the key that it uses now as encryption; the role's policy follows.",
    },
    {
      row: "allow.UploadObjectS3.s3:PutObjectAcl",
      means: "On a bucket with ownership BucketOwnerEnforced only the ACL bucket-owner-full-control passes.",
    },
  ],
  handOffFields: [
    { field: "Authentication Type", what: "always IAM Role" },
    { field: "Server Encryption Type", what: "AWS S3 Encryption or AWS KMS Encryption" },
    { field: "KMS ARN", what: "the bucket's key, with AWS KMS Encryption" },
    { field: "Role ARN", what: "the role that Creative Force assumes" },
    { field: "External Id", what: "the pair key" },
    { field: "Bucket", what: "the bucket it works on" },
  ],
  stacks,
  contract,
  expectations: (parameters, context) => {
    const made = madeKeyArn(context);
    // A bucket can't encrypt yet with a key that isn't made: until then the claim fits no bucket.
    const key = keyOf(parameters, made ?? "the key to be made");
    const known = keyOf(parameters, made ?? "");
    const keyArns = new Set(known ? [known, ...parameters.alsoDecrypt] : parameters.alsoDecrypt);
    const applied = appliesEncryption(parameters);
    const mismatch = parameters.mode === "delivery" ? ("warning" as const) : ("error" as const);
    const claim = {
      bucket: parameters.bucket,
      algorithm: key ? ("aws:kms" as const) : ("AES256" as const),
      mismatch,
      pointer: "/parameters/encryption",
    };
    return {
      buckets: [parameters.bucket],
      roleNames: [roleName(parameters, context)],
      keyArns: [...keyArns],
      encryption: applied ? [] : [{ ...claim, ...(key && { kmsKeyArn: key }) }],
      pointers: {
        [parameters.bucket]: "/parameters/bucket",
        [roleName(parameters, context)]: "/parameters/roleName",
        ...Object.fromEntries(parameters.alsoDecrypt.map((arn, index) => [arn, `/parameters/alsoDecrypt/${index}`])),
        ...(known && { [known]: made ? "/parameters/encryption/createKey" : "/parameters/encryption/kmsKeyArn" }),
      },
    };
  },
  handOff: (parameters, context) => {
    const where = "Gamma > Delivery option or Data source";
    const key = keyOf(parameters, madeKeyArn(context) ?? "the key's ARN, known once it is made");
    const [externalId] = context.externalIds.slice(-1);
    return [
      { field: "Authentication Type", value: "IAM Role", where },
      { field: "Server Encryption Type", value: key ? "AWS KMS Encryption" : "AWS S3 Encryption", where },
      ...(key ? [{ field: "KMS ARN", value: key, where }] : []),
      { field: "Role ARN", value: roleArn(context, roleName(parameters, context)), where },
      ...(externalId ? [{ field: "External Id", value: externalId, where, sensitive: true as const }] : []),
      { field: "Bucket", value: parameters.bucket, where },
    ];
  },
  approvals,
});
