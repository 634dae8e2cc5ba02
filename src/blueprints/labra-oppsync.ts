/**
 * Labra OppSync works on the partner bucket that AWS (ACE) owns, through a role of the customer. Source: Labra's guide "OppSync AWS
 * Resources" (docs/vendors/labra.md has the differences and why). Bucket, bucket policy and key are ACE's: nothing here touches them.
 */
import { z } from "zod";
import type { ContractGrant } from "../iam/contract/contract.ts";
import { AccountId } from "../iam/words/account-id.ts";
import { KmsKeyArn } from "../iam/words/arn.ts";
import { BucketName, bucketArn } from "../iam/words/bucket-name.ts";
import { listOf } from "../iam/words/policy-document.ts";
import { accountRootArn } from "../iam/words/principal.ts";
import { RoleName } from "../iam/words/role-name.ts";
import { sidPrefix } from "../iam/words/sid.ts";
import { acePolicyFaults, acePolicyGrants } from "./parts/ace-policy.ts";
import { type BlueprintContext, defineBlueprint } from "./parts/blueprint.ts";
import { grantsPolicy, ownRoleName, roleArn, roleStack, trustedWithExternalId } from "./parts/role-stack.ts";

const POLICY_NAME = "AceBucketAccess";

/** ACE's two buckets per partner; "beta" is its word for staging. */
const bucketPatterns = {
  production: /^ace-apn-[0-9]+-prod-us-west-2$/,
  staging: /^ace-apn-[0-9]+-beta-us-west-2$/,
} as const;

const Parameters = z
  .strictObject({
    environment: z.enum(["production", "staging"]).describe("One integration for each; staging is what ACE calls beta."),
    labraAccountId: AccountId.describe("Labra's AWS account, as Labra's setup shows it. Its guide prints none."),
    aceBucket: BucketName.optional().describe("ACE's bucket, ace-apn-<id>-prod-us-west-2 or, for staging, ace-apn-<id>-beta-us-west-2."),
    aceKmsKeyArn: KmsKeyArn.optional().describe("The key that ACE's policy names."),
    roleName: RoleName.optional().describe("The role's name; left out, one of the integration's own is made."),
  })
  .superRefine(({ environment, aceBucket, aceKmsKeyArn }, refinement) => {
    const issue = (path: string, message: string) => refinement.addIssue({ code: "custom", path: [path], message });
    if (aceBucket !== undefined && !bucketPatterns[environment].test(aceBucket)) issue("aceBucket", `not ACE's bucket for ${environment}`);
    if (aceBucket !== undefined && aceKmsKeyArn === undefined) issue("aceKmsKeyArn", "needed beside aceBucket: ACE encrypts the bucket");
    if (aceBucket === undefined && aceKmsKeyArn !== undefined) issue("aceBucket", "needed beside aceKmsKeyArn");
    if (aceKmsKeyArn !== undefined && !aceKmsKeyArn.startsWith("arn:aws:kms:us-west-2:"))
      issue("aceKmsKeyArn", "ACE's buckets and keys are in us-west-2");
  });
type Parameters = z.infer<typeof Parameters>;

const roleName = ({ roleName: given, environment }: Parameters, context: BlueprintContext): string =>
  given ?? ownRoleName(`LabraOppSync-${environment}`, context);
const principal = ({ labraAccountId }: Parameters): string => accountRootArn(labraAccountId);

/**
 * Without a policy from ACE, the guide's two statements, the first split by service. Only ACE writes into the outbound folders, and
 * its own bucket policy sees to that.
 */
function ownGrants({ aceBucket, aceKmsKeyArn }: Parameters): ContractGrant[] {
  if (aceBucket === undefined || aceKmsKeyArn === undefined) return [];
  return [
    { id: "ListBucket", actions: ["s3:ListBucket"], resources: [bucketArn("aws", aceBucket)], why: "finds leads and opportunities" },
    {
      id: "UseKey",
      actions: ["kms:Decrypt", "kms:Encrypt", "kms:DescribeKey", "kms:ReEncrypt*", "kms:GenerateDataKey*"],
      resources: [aceKmsKeyArn],
      why: "ACE encrypts the bucket with this key",
    },
    {
      id: "SyncObjects",
      actions: ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"],
      resources: [bucketArn("aws", aceBucket, "*")],
      why: "reads what ACE sends and puts what the CRM answers",
    },
  ];
}

const grants = (parameters: Parameters, { vendorPolicy }: BlueprintContext): ContractGrant[] =>
  vendorPolicy === undefined ? ownGrants(parameters) : acePolicyGrants(vendorPolicy);

/** ACE's policy word for word, or ours from the parameters, or none yet. */
function policies(parameters: Parameters, context: BlueprintContext) {
  const own = ownGrants(parameters);
  const document = context.vendorPolicy ?? (own.length > 0 ? grantsPolicy(own) : undefined);
  return document === undefined ? [] : [{ name: POLICY_NAME, document }];
}

export const labraOppsync = defineBlueprint<Parameters>({
  id: "labra-oppsync",
  vendor: "labra",
  version: "1.0.0",
  title: "Labra OppSync: ACE opportunities",
  source: { document: "OppSync AWS Resources", date: "2026-11-01" },
  parameters: Parameters,
  immutable: ["environment", "roleName"],
  roleNames: ["LabraOppSync-*"],
  externalId: { issuer: "vendor", samples: [] },
  access: [
    "The account is Labra's only by somebody's word: one that an administrator hasn't put on the list of trusted principals waits for an approval.",
    "Any principal of Labra's account that sends the external id may assume the role: Labra names its account, so the id is the only guard.",
    "Nothing until ACE's policy or its bucket and key are known. Then it may list ACE's bucket, read, write and delete its objects, and use ACE's key.",
    "ACE's own bucket policy limits that further: only ACE writes into outbound folders.",
  ],
  differences: [
    {
      guide: "One statement gives S3 and KMS actions on the bucket and the key together.",
      here: "One statement for each service; a policy that ACE issued is attached word for word once it's checked.",
      why: "The effect is the same, and the document says what it does.",
    },
    {
      guide: "PutObject, GetObject, DeleteObject, etc.",
      here: "Exactly those three, unless ACE's own policy names more.",
      why: "An et cetera isn't a permission.",
    },
    {
      guide: "The account in the trust is a parameter of Labra's template.",
      here: "labraAccountId is required and has no default; without the external id the trust stays closed.",
      why: "The guide prints no account, and a whole account behind no id is the confused deputy.",
    },
  ],
  troubleshooting: [
    { row: "assume.1.right-id", means: "Labra uses another account or another external id than the ones given." },
    {
      row: "allow.SyncObjects.s3:PutObject",
      means: "This row judges the role alone. ACE's side names the role by ARN: if it was ever deleted and made again, ACE has to be told.",
    },
  ],
  handOffFields: [
    { field: "IAM Role ARN", what: "for Labra, and for the ACE onboarding, which issues its policy for it" },
    { field: "Environment", what: "production or staging" },
    { field: "Labra account ID", what: "the account that the role trusts" },
    { field: "External ID", what: "as Labra gave it" },
  ],
  stacks: (parameters, context) => [
    roleStack({
      context,
      name: roleName(parameters, context),
      description: `Lets Labra OppSync sync ACE opportunities, ${parameters.environment}`,
      trusted: trustedWithExternalId(principal(parameters), context),
      inlinePolicies: policies(parameters, context),
    }),
  ],
  contract: (parameters, context) => ({
    roles: [
      {
        roleArn: roleArn(context, roleName(parameters, context)),
        trusted: trustedWithExternalId(principal(parameters), context),
        grants: grants(parameters, context),
        denied: [],
        probePrincipals: [principal(parameters)],
      },
    ],
    resources: [],
    sidPrefix: sidPrefix(context.tenant, context.integration),
    acceptedBreadth: [],
  }),
  expectations: (parameters, context) => ({
    buckets: [],
    roleNames: [roleName(parameters, context)],
    keyArns: [],
    encryption: [],
    pointers: { [roleName(parameters, context)]: "/parameters/roleName" },
  }),
  handOff: (parameters, context) => {
    const where = "OppSync > ACE setup";
    const [externalId] = context.externalIds.slice(-1);
    return [
      {
        field: "IAM Role ARN",
        value: roleArn(context, roleName(parameters, context)),
        where: `${where}; AWS Partner Central > CRM integration`,
      },
      { field: "Environment", value: parameters.environment, where },
      { field: "Labra account ID", value: parameters.labraAccountId, where },
      ...(externalId ? [{ field: "External ID", value: externalId, where, sensitive: true as const }] : []),
    ];
  },
  shownPrincipals: (parameters) => [principal(parameters)],
  vendorOwned: ({ aceBucket, aceKmsKeyArn }, { vendorPolicy }) => [
    ...(aceBucket === undefined ? [] : [{ arn: bucketArn("aws", aceBucket), pointer: "/parameters/aceBucket" }]),
    ...(aceKmsKeyArn === undefined ? [] : [{ arn: aceKmsKeyArn, pointer: "/parameters/aceKmsKeyArn" }]),
    ...(vendorPolicy?.Statement ?? []).flatMap(({ Resource }) => listOf(Resource).map((arn) => ({ arn, pointer: "/document" }))),
  ],
  vendorPolicy: {
    from: "AWS (ACE), after its onboarding was given the role's ARN",
    awaited: ({ aceBucket }) => aceBucket === undefined,
    check: (document, { environment, aceBucket, aceKmsKeyArn }) =>
      acePolicyFaults(document, { bucketPattern: bucketPatterns[environment], bucket: aceBucket, kmsKeyArn: aceKmsKeyArn }),
  },
});
