import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { provisioningStatements } from "../../sandbox/provisioning-policy.ts";
import { evaluate } from "../../src/iam/evaluate/evaluate.ts";
import { listOf, type PolicyDocument } from "../../src/iam/words/policy-document.ts";
import type { TenantRecord } from "../../src/model/tenant.ts";
import { bootstrapOf } from "../../src/tenants/bootstrap.ts";
import { cfnLint, ensureCfnLint } from "../integrations/hand-off/cfn-lint.ts";

const account = "222222222222";
const service = "arn:aws:iam::111111111111:user/drawbridge-service";
const boundary = `arn:aws:iam::${account}:policy/Ceiling`;
const provisioning = `arn:aws:iam::${account}:role/DrawbridgeProvisioning`;
const tenant: TenantRecord = {
  name: "acme",
  accountId: account,
  region: "us-east-1",
  access: { mode: "assume-role", roleArn: provisioning },
  permissionsBoundaryArn: boundary,
  tags: {},
  provisioningExternalId: "dLYyH0lZ3bqkWcJ2s9mTfA",
  createdAt: "2026-11-22T02:00:00Z",
  updatedAt: "2026-11-22T02:00:00Z",
};
const { permissionsBoundaryArn: _, ...unbounded } = tenant;

/** A key's policy that delegates to the account's IAM. */
const delegation: PolicyDocument = {
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: "kms:*", Resource: "*" }],
};

const reach = { roleNames: ["ConductorOneIntegration", "Vendor*"] };
const may = (of: TenantRecord, action: string, resource: string, context: Record<string, string | string[]> = {}): boolean => {
  const { permissionsPolicy } = bootstrapOf(of, service, { reach, revealed: true });
  const principal = `arn:aws:sts::${account}:assumed-role/DrawbridgeProvisioning/op`;
  const identity = [{ name: "bootstrap", document: permissionsPolicy }];
  const documents = { identity, ...(resource.includes(":key/") && { keyPolicy: { name: "key", document: delegation } }) };
  const full = { "aws:ResourceAccount": account, ...context };
  return evaluate({ principal, action, resource, context: full }, documents).decision === "allowed";
};
const role = `arn:aws:iam::${account}:role/Vendor`;
const key = `arn:aws:kms:us-east-1:${account}:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0`;
const marked = { "aws:ResourceTag/drawbridge:tenant": "acme" };
const foreign = { "aws:ResourceTag/drawbridge:tenant": [] };
const marking = {
  "aws:RequestTag/drawbridge:tenant": "acme",
  "aws:RequestTag/drawbridge:integration": "c1",
  "aws:RequestTag/drawbridge:stack": "role.c1-0a1b2c3d",
};
const bounded = { "iam:PermissionsBoundary": boundary };

describe("the provisioning role's permissions, judged by the evaluator", () => {
  test("a role is made only with the tenant's tag and with its boundary, if there is one", () => {
    assert.equal(may(tenant, "iam:CreateRole", role, { ...marking, ...bounded }), true);
    assert.equal(may(tenant, "iam:CreateRole", role, { ...marking, "iam:PermissionsBoundary": [] }), false);
    assert.equal(may(tenant, "iam:CreateRole", role, { ...marking, "iam:PermissionsBoundary": `${boundary}2` }), false);
    assert.equal(may(tenant, "iam:CreateRole", role, bounded), false);
    assert.equal(may(tenant, "iam:CreateRole", role, { ...bounded, "aws:RequestTag/drawbridge:tenant": "globex" }), false);
    assert.equal(may(unbounded, "iam:CreateRole", role, marking), true);
  });

  test("it changes only the tenant's own roles, and none loses its boundary", () => {
    for (const action of ["iam:UpdateAssumeRolePolicy", "iam:DeleteRole", "iam:UpdateRole", "iam:UpdateRoleDescription"]) {
      assert.equal(may(tenant, action, role, marked), true, action);
      assert.equal(may(tenant, action, role, foreign), false, action);
      assert.equal(may(tenant, action, role, { "aws:ResourceTag/drawbridge:tenant": "globex" }), false, action);
    }
    for (const action of ["iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:AttachRolePolicy", "iam:DetachRolePolicy"]) {
      assert.equal(may(tenant, action, role, { ...marked, ...bounded }), true, action);
      assert.equal(may(tenant, action, role, { ...marked, "iam:PermissionsBoundary": [] }), false, action);
    }
    assert.equal(may(tenant, "iam:DeleteRolePermissionsBoundary", role, { ...marked, ...bounded }), false);
    assert.equal(may(tenant, "iam:PutRolePermissionsBoundary", role, { ...marked, ...bounded }), true);
  });

  test("it can't tag another tenant's role as this one's, and can't remove our tags", () => {
    assert.equal(may(tenant, "iam:TagRole", role, { ...marking, ...foreign }), true, "an adoption");
    assert.equal(may(tenant, "iam:TagRole", role, { ...marking, "aws:ResourceTag/drawbridge:tenant": "globex" }), false);
    const { "aws:RequestTag/drawbridge:stack": _stack, ...nameless } = marking;
    assert.equal(may(tenant, "iam:TagRole", role, { ...nameless, ...foreign }), false, "what is marked says whose it is");
    assert.equal(may(tenant, "iam:TagRole", role, { ...marked, "aws:RequestTag/team": "data" }), true);
    assert.equal(may(tenant, "iam:UntagRole", role, { ...marked, "aws:TagKeys": ["team"] }), true);
    assert.equal(may(tenant, "iam:UntagRole", role, { ...marked, "aws:TagKeys": ["drawbridge:tenant"] }), false);
  });

  test("it can't change itself, whatever its tags", () => {
    for (const action of ["iam:TagRole", "iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:DeleteRole"]) {
      assert.equal(may(tenant, action, provisioning, { ...marked, ...marking, ...bounded }), false, action);
    }
  });

  test("it changes only the tenant's own keys and aliases; on others' keys it grants use, but nothing that passes grants on", () => {
    assert.equal(may(tenant, "kms:CreateKey", key, marking), true);
    assert.equal(may(tenant, "kms:CreateKey", key), false);
    assert.equal(may(tenant, "kms:PutKeyPolicy", key, marked), true);
    for (const action of ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:CreateAlias"]) {
      assert.equal(may(tenant, action, key, foreign), false, action);
    }
    assert.equal(may(tenant, "kms:CreateAlias", `arn:aws:kms:us-east-1:${account}:alias/drawbridge/acme/c1`), true);
    assert.equal(may(tenant, "kms:CreateAlias", `arn:aws:kms:us-east-1:${account}:alias/drawbridge/globex/c1`), false);
    assert.equal(may(tenant, "kms:CreateGrant", key, { "kms:GrantOperations": ["Decrypt", "GenerateDataKey"] }), true);
    assert.equal(may(tenant, "kms:CreateGrant", key, { "kms:GrantOperations": ["Decrypt", "CreateGrant"] }), false);
  });

  test("it neither tags nor makes nor changes a role with another name, whatever its tags", () => {
    const admin = `arn:aws:iam::${account}:role/Administrators`;
    for (const action of ["iam:CreateRole", "iam:TagRole", "iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "iam:DeleteRole"])
      assert.equal(may(unbounded, action, admin, { ...marking, ...marked }), false, action);
    assert.equal(may(unbounded, "iam:GetRole", admin), true);
  });

  test("it can't tag somebody else's key with an alias as ours", () => {
    const untagged = { ...marking, ...foreign };
    assert.equal(may(tenant, "kms:TagResource", key, { ...untagged, "kms:ResourceAliases": [] }), true, "a new key");
    assert.equal(may(tenant, "kms:TagResource", key, { ...untagged, "kms:ResourceAliases": ["alias/payroll"] }), false);
    assert.equal(may(tenant, "kms:TagResource", key, { ...marked, "kms:ResourceAliases": ["alias/drawbridge/acme/c1"] }), true);
  });

  test("if the buckets are named, it inspects and changes no other", () => {
    const { permissionsPolicy } = bootstrapOf(tenant, service, { reach: { ...reach, buckets: ["acme-data"] }, revealed: true });
    const onBuckets = permissionsPolicy.Statement.filter(({ Sid }) => Sid?.endsWith("Buckets"));
    assert.deepEqual(
      onBuckets.map(({ Resource }) => Resource),
      [["arn:aws:s3:::acme-data"], ["arn:aws:s3:::acme-data"]],
    );
  });

  test("it reads no object, touches no other account's bucket, and may do nothing else", () => {
    const bucket = "arn:aws:s3:::acme-data";
    assert.equal(may(tenant, "s3:PutBucketPolicy", bucket), true);
    assert.equal(may(tenant, "s3:PutBucketPolicy", bucket, { "aws:ResourceAccount": "999999999999" }), false);
    const never: [string, string][] = [
      ["s3:GetObject", `${bucket}/x`],
      ["s3:DeleteBucket", bucket],
      ["iam:CreateUser", `arn:aws:iam::${account}:user/x`],
      ["iam:PassRole", role],
      ["kms:Decrypt", key],
      ["sts:AssumeRole", role],
    ];
    for (const [action, resource] of never)
      assert.equal(may(tenant, action, resource, { ...marked, ...marking, ...bounded }), false, action);
  });
});

test("the trust allows the service, with the account's own external id", () => {
  assert.deepEqual(bootstrapOf(tenant, service, { reach, revealed: true }).trustPolicy.Statement[0]?.Condition, {
    StringEquals: { "sts:ExternalId": tenant.provisioningExternalId },
  });
});

test("the sandbox's role has exactly the document's actions", () => {
  const actions = (of: TenantRecord) =>
    bootstrapOf(of, service, { reach, revealed: true }).permissionsPolicy.Statement.flatMap(({ Effect, Action }) =>
      Effect === "Allow" ? listOf(Action) : [],
    );
  const sandbox = provisioningStatements(account).flatMap(({ Effect, Action }) => (Effect === "Allow" ? listOf(Action) : []));
  assert.deepEqual([...new Set(sandbox)].sort(), [...new Set([...actions(tenant), ...actions(unbounded)])].sort());
});

test("cfn-lint finds nothing in the template", async (t) => {
  const lint = await ensureCfnLint();
  if ("missing" in lint) return t.skip(lint.missing);
  const folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-bootstrap-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, "template.json");
  await writeFile(file, JSON.stringify(bootstrapOf(tenant, service, { reach, revealed: true }).template));
  assert.equal(await cfnLint(lint.packages, [file]), "");
});
