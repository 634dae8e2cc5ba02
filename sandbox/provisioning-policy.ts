import type { Statement } from "../src/iam/policy-document.ts";

/**
 * What the provisioning role of a sandbox tenant may do: the calls of the programs, of the live reads and of the few
 * direct writes. Role creation isn't tied to a boundary here, because the emulator refuses `iam:PermissionsBoundary`.
 */
export function provisioningStatements(accountId: string): Statement[] {
  return [
    {
      Sid: "Roles",
      Effect: "Allow",
      Action: [
        "iam:CreateRole",
        "iam:DeleteRole",
        "iam:UpdateRole",
        "iam:UpdateRoleDescription",
        "iam:UpdateAssumeRolePolicy",
        "iam:TagRole",
        "iam:UntagRole",
        "iam:PutRolePermissionsBoundary",
        "iam:DeleteRolePermissionsBoundary",
        "iam:PutRolePolicy",
        "iam:DeleteRolePolicy",
        "iam:AttachRolePolicy",
        "iam:DetachRolePolicy",
      ],
      Resource: `arn:aws:iam::${accountId}:role/*`,
    },
    {
      Sid: "Policies",
      Effect: "Allow",
      Action: [
        "iam:CreatePolicy",
        "iam:DeletePolicy",
        "iam:CreatePolicyVersion",
        "iam:DeletePolicyVersion",
        "iam:TagPolicy",
        "iam:UntagPolicy",
      ],
      Resource: `arn:aws:iam::${accountId}:policy/*`,
    },
    { Sid: "ReadIam", Effect: "Allow", Action: ["iam:Get*", "iam:List*"], Resource: "*" },
    {
      Sid: "Buckets",
      Effect: "Allow",
      Action: [
        "s3:ListBucket",
        "s3:GetBucket*",
        "s3:GetEncryptionConfiguration",
        "s3:PutBucketPolicy",
        "s3:DeleteBucketPolicy",
        "s3:PutEncryptionConfiguration",
      ],
      Resource: "arn:aws:s3:::*",
    },
    {
      Sid: "Keys",
      Effect: "Allow",
      Action: [
        "kms:CreateKey",
        "kms:Describe*",
        "kms:Get*",
        "kms:List*",
        "kms:PutKeyPolicy",
        "kms:EnableKey",
        "kms:DisableKey",
        "kms:EnableKeyRotation",
        "kms:DisableKeyRotation",
        "kms:UpdateKeyDescription",
        "kms:CreateAlias",
        "kms:UpdateAlias",
        "kms:DeleteAlias",
        "kms:TagResource",
        "kms:UntagResource",
        "kms:CreateGrant",
        "kms:RevokeGrant",
        "kms:RetireGrant",
        "kms:ScheduleKeyDeletion",
      ],
      Resource: "*",
    },
    { Sid: "Inventory", Effect: "Allow", Action: ["tag:GetResources"], Resource: "*" },
  ];
}
