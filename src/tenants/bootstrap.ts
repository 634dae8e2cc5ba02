/** What a tenant's account needs before the first operation: the provisioning role, its trust and the least permissions. Pure. */
import { bucketArn } from "../iam/words/bucket-name.ts";
import { externalIdFingerprint } from "../iam/words/external-id.ts";
import type { PolicyDocument, Statement } from "../iam/words/policy-document.ts";
import { partitionOf } from "../integrations/desired-stacks.ts";
import { externalIdParameter, withParameter } from "../integrations/hand-off/template-parts.ts";
import type { TenantRecord } from "../model/tenant.ts";
import { provisioningTrust } from "./tenants.ts";

export interface Bootstrap {
  roleName: string;
  trustPolicy: PolicyDocument;
  permissionsPolicy: PolicyDocument;
  /** A CloudFormation template with only the role. */
  template: Record<string, unknown>;
}

const DEFAULT_ROLE = "DrawbridgeProvisioning";
const POLICY_NAME = "DrawbridgeProvisioning";

/** The resources that a provisioning role may work on. */
export interface Reach {
  /** Names of the roles that it may make, change and remove; a `*` stands for any text. */
  roleNames: readonly string[];
  /** The only buckets that it may inspect and whose policy it may write. Default: all buckets of the account. */
  buckets?: readonly string[];
}

/**
 * The provisioning role of a tenant, as documents and as a template. If the external id isn't `revealed`, the trust policy shows its
 * fingerprint, and the template asks for the id.
 */
export function bootstrapOf(
  tenant: TenantRecord,
  servicePrincipal: string,
  { reach, revealed }: { reach: Reach; revealed: boolean },
): Bootstrap {
  const { access } = tenant;
  const roleName = access.mode === "assume-role" ? (access.roleArn.split("/").at(-1) ?? DEFAULT_ROLE) : DEFAULT_ROLE;
  const { provisioningExternalId: id } = tenant;
  const trustPolicy = provisioningTrust(servicePrincipal, revealed ? id : externalIdFingerprint(id));
  const permissionsPolicy = provisioningPermissions({ ...tenant, ...reach, roleName });
  const template = {
    AWSTemplateFormatVersion: "2010-09-09",
    Description: `Lets Drawbridge provision vendors' access for tenant ${tenant.name}`,
    ...(!revealed && { Parameters: { ExternalId: { ...externalIdParameter, Description: "The tenant's provisioning external id" } } }),
    Resources: {
      ProvisioningRole: {
        Type: "AWS::IAM::Role",
        Properties: {
          RoleName: roleName,
          Description: "Drawbridge makes, proves and removes vendors' access through this role",
          MaxSessionDuration: 3600,
          AssumeRolePolicyDocument: revealed ? trustPolicy : { ...trustPolicy, Statement: trustPolicy.Statement.map(withParameter) },
          Policies: [{ PolicyName: POLICY_NAME, PolicyDocument: permissionsPolicy }],
        },
      },
    },
    Outputs: {
      ProvisioningRoleArn: { Description: "The tenant's access.roleArn", Value: { "Fn::GetAtt": ["ProvisioningRole", "Arn"] } },
    },
  };
  return { roleName, trustPolicy, permissionsPolicy, template };
}

interface Scope extends Reach, Pick<TenantRecord, "name" | "accountId" | "region" | "permissionsBoundaryArn"> {
  /** The provisioning role's own name: it may not change itself. */
  roleName: string;
}

/**
 * The least permissions that programs, live reads and direct writes need. Where IAM and KMS support tags, access is limited to the tenant's
 * tag. Writes to roles are limited to the tenant's boundary, if it has one, and to the names of its roles. Aliases are limited to their
 * names, and everything else to the account. Source: service authorization reference, IAM, S3 and KMS. If several tenants share one role,
 * `name` may be `*`.
 */
export function provisioningPermissions(scope: Scope): PolicyDocument {
  return { Version: "2012-10-17", Statement: [...roles(scope), ...buckets(scope), ...keys(scope)] };
}

const TAG = "drawbridge:tenant";
const resourceTag = ({ name }: Scope) => ({ [`aws:ResourceTag/${TAG}`]: name });
const requestTag = ({ name }: Scope) => ({ [`aws:RequestTag/${TAG}`]: name });

/** IAM and KMS can't distinguish a tag that comes with a create from a tag on an existing resource. */
const marked = (scope: Scope, absent: readonly string[] = []) => ({
  StringEquals: requestTag(scope),
  StringEqualsIfExists: resourceTag(scope),
  Null: {
    "aws:RequestTag/drawbridge:integration": "false",
    "aws:RequestTag/drawbridge:stack": "false",
    ...Object.fromEntries(absent.map((key) => [key, "true"])),
  },
});

function roles(scope: Scope): Statement[] {
  const { accountId, permissionsBoundaryArn: boundary, roleName, roleNames } = scope;
  const partition = partitionOf(scope.region);
  const role = (name: string) => `arn:${partition}:iam::${accountId}:role/${name}`;
  const bounded = boundary === undefined ? {} : { "iam:PermissionsBoundary": boundary };
  const named = [...new Set(roleNames)].sort().map(role);
  const allow = (Sid: string, Action: string[], Condition: Statement["Condition"], Resource: string | string[] = named): Statement => ({
    Sid,
    Effect: "Allow",
    Action,
    Resource,
    ...(Condition && { Condition }),
  });
  const boundaryAction = boundary === undefined ? "iam:DeleteRolePermissionsBoundary" : "iam:PutRolePermissionsBoundary";
  const writes = ["iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:AttachRolePolicy", "iam:DetachRolePolicy", boundaryAction];
  return [
    allow("CreateRoles", ["iam:CreateRole"], { StringEquals: { ...requestTag(scope), ...bounded } }),
    // A create with tags needs this, and an adoption: then the role doesn't carry the tag yet.
    allow("MarkRoles", ["iam:TagRole"], marked(scope)),
    allow("TagRoles", ["iam:TagRole"], { StringEquals: resourceTag(scope), StringEqualsIfExists: requestTag(scope) }),
    allow("UntagRoles", ["iam:UntagRole"], {
      StringEquals: resourceTag(scope),
      "ForAllValues:StringNotLike": { "aws:TagKeys": "drawbridge:*" },
    }),
    allow("ChangeRoles", ["iam:UpdateRole", "iam:UpdateRoleDescription", "iam:UpdateAssumeRolePolicy", "iam:DeleteRole"], {
      StringEquals: resourceTag(scope),
    }),
    allow("ChangeRolePolicies", writes, { StringEquals: { ...resourceTag(scope), ...bounded } }),
    allow(
      "ReadRoles",
      [
        "iam:GetRole",
        "iam:ListRolePolicies",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListRoleTags",
        "iam:ListInstanceProfilesForRole", // the AWS plugin looks before it deletes a role
      ],
      undefined,
      role("*"),
    ),
    allow("ListRoles", ["iam:ListRoles"], undefined, "*"),
    allow("ReadPolicies", ["iam:GetPolicy", "iam:GetPolicyVersion"], undefined, [
      `arn:${partition}:iam::${accountId}:policy/*`,
      `arn:${partition}:iam::aws:policy/*`,
    ]),
    {
      Sid: "NeverItself",
      Effect: "Deny",
      Action: ["iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:DeleteRole", ...writes],
      Resource: role(roleName),
    },
  ];
}

/** Only buckets of this account. HeadBucket has no narrower action than ListBucket. */
function buckets({ accountId, region, buckets: names = ["*"] }: Scope): Statement[] {
  const here = { StringEquals: { "aws:ResourceAccount": accountId } };
  const Resource = [...new Set(names)].sort().map((name) => bucketArn(partitionOf(region), name));
  const reads = [
    "s3:ListBucket",
    "s3:GetBucketPolicy",
    "s3:GetEncryptionConfiguration",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPublicAccessBlock",
  ];
  const writes = ["s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutEncryptionConfiguration"];
  return [
    { Sid: "ReadBuckets", Effect: "Allow", Action: reads, Resource, Condition: here },
    { Sid: "ChangeBuckets", Effect: "Allow", Action: writes, Resource, Condition: here },
  ];
}

/** The operations that a vendor may be granted on a key that isn't ours. None of them passes a grant on. */
const grantable = [
  "Decrypt",
  "Encrypt",
  "GenerateDataKey",
  "GenerateDataKeyWithoutPlaintext",
  "DescribeKey",
  "ReEncryptFrom",
  "ReEncryptTo",
];

function keys(scope: Scope): Statement[] {
  const { name, accountId, region } = scope;
  const arn = (resource: string) => `arn:${partitionOf(region)}:kms:${region}:${accountId}:${resource}`;
  const ours = { StringEquals: resourceTag(scope) };
  const aliases = ["kms:CreateAlias", "kms:UpdateAlias", "kms:DeleteAlias"];
  const changes = ["kms:UntagResource", "kms:PutKeyPolicy", "kms:EnableKeyRotation", "kms:UpdateKeyDescription", "kms:ScheduleKeyDeletion"];
  const reads = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags", "kms:ListGrants"];
  return [
    { Sid: "CreateKeys", Effect: "Allow", Action: "kms:CreateKey", Resource: "*", Condition: { StringEquals: requestTag(scope) } },
    {
      Sid: "MarkKeys",
      Effect: "Allow",
      Action: "kms:TagResource",
      Resource: arn("key/*"),
      // A new key has no alias yet. So a customer's key with an alias can't be tagged as ours.
      Condition: marked(scope, ["kms:ResourceAliases"]),
    },
    { Sid: "ChangeKeys", Effect: "Allow", Action: ["kms:TagResource", ...changes, ...aliases], Resource: arn("key/*"), Condition: ours },
    { Sid: "NameKeys", Effect: "Allow", Action: aliases, Resource: arn(`alias/drawbridge/${name}/*`) },
    {
      Sid: "GrantOnKeys",
      Effect: "Allow",
      Action: "kms:CreateGrant",
      Resource: arn("key/*"),
      Condition: { "ForAllValues:StringEquals": { "kms:GrantOperations": grantable } },
    },
    { Sid: "RevokeOnKeys", Effect: "Allow", Action: "kms:RevokeGrant", Resource: arn("key/*") },
    // DescribeKey also shows whether an alias exists.
    { Sid: "ReadKeys", Effect: "Allow", Action: reads, Resource: [arn("key/*"), arn(`alias/drawbridge/${name}/*`)] },
    { Sid: "ListKeys", Effect: "Allow", Action: ["kms:ListKeys", "kms:ListAliases"], Resource: "*" },
  ];
}
