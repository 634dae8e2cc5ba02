import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { GetRoleCommand, IAMClient, ListRolePoliciesCommand, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { DescribeKeyCommand, GetKeyPolicyCommand, KMSClient } from "@aws-sdk/client-kms";
import { GetBucketPolicyCommand, PutBucketPolicyCommand, S3Client } from "@aws-sdk/client-s3";
import type { Stack } from "@pulumi/pulumi/automation/index.js";
import { bucketPolicyProgram } from "../../programs/bucket-policy.ts";
import { kmsKeyProgram } from "../../programs/kms-key.ts";
import { roleProgram } from "../../programs/role.ts";
import { accountIds, sandboxRegion, tenantThings } from "../../sandbox/accounts.ts";
import { type Sandbox, startSandbox } from "../../sandbox/sandbox.ts";
import { asTenantAdmin } from "../../sandbox/vendor.ts";
import type { RoleInputs } from "../../stacks/stack.ts";
import { place, realStack, unprotect } from "./real-stack.ts";

let sandbox: Sandbox;
let stack: Stack;
let admin: IAMClient;
let s3: S3Client;
let kms: KMSClient;
let inputs: RoleInputs = {
  name: "DrawbridgeRound",
  description: "a role that comes and goes",
  trust: { Version: "2012-10-17", Statement: [{ Sid: "Closed", Effect: "Deny", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }] },
  inlinePolicies: [
    {
      name: "read",
      document: { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::b/*" }] },
    },
  ],
  managedPolicyArns: ["arn:aws:iam::aws:policy/SecurityAudit"],
  tags: { "drawbridge:tenant": "acme" },
};

before(async () => {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), "drawbridge-round-"));
  sandbox = await startSandbox({ dataDir, log: () => undefined, onlyStandIn: true });
  const client = { endpoint: sandbox.awsEndpoint, region: sandboxRegion, credentials: asTenantAdmin(sandbox) };
  [admin, s3, kms] = [new IAMClient(client), new S3Client({ ...client, forcePathStyle: true }), new KMSClient(client)];
  stack = await realStack(sandbox, "role.round-00000000", async () => roleProgram(inputs, place));
});

after(async () => {
  await sandbox?.stop();
  await rm(sandbox.dataDir, { recursive: true, force: true });
});

test("the real CLI makes, keeps, changes, mends and takes away a role through the stand-in, with state in the emulator's S3", async (t) => {
  let roleId: unknown;

  await t.test("up creates what preview announced", async () => {
    const preview = await stack.preview();
    assert.equal(preview.changeSummary.create, 7);
    const up = await stack.up();
    roleId = up.outputs["roleId"]?.value;
    assert.equal(up.outputs["roleArn"]?.value, `arn:aws:iam::${accountIds.tenant}:role/DrawbridgeRound`);
    const { Role } = await admin.send(new GetRoleCommand({ RoleName: "DrawbridgeRound" }));
    assert.equal(Role?.RoleId, roleId);
    assert.deepEqual(Role?.Tags, [{ Key: "drawbridge:tenant", Value: "acme" }]);
  });

  await t.test("a second up changes nothing", async () => {
    const again = await stack.up();
    assert.deepEqual(again.summary.resourceChanges, { same: 7 });
  });

  await t.test("a changed trust, description and tag are updated in place", async () => {
    const opened = { Effect: "Allow" as const, Principal: { AWS: sandbox.accounts.conductorone.principalArn }, Action: "sts:AssumeRole" };
    const trust = { Version: "2012-10-17", Statement: [{ ...opened, Condition: { StringEquals: { "sts:ExternalId": "abc" } } }] };
    inputs = { ...inputs, trust, description: "changed", tags: { "drawbridge:tenant": "acme", more: "1" } };
    const up = await stack.up();
    assert.deepEqual(up.summary.resourceChanges, { same: 6, update: 1 });
    assert.equal(up.outputs["roleId"]?.value, roleId);
    const { Role } = await admin.send(new GetRoleCommand({ RoleName: "DrawbridgeRound" }));
    assert.deepEqual(JSON.parse(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? "")), trust);
  });

  await t.test("a policy that somebody added is a difference, which the next up takes away", async () => {
    const document = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "*" }] });
    await admin.send(new PutRolePolicyCommand({ RoleName: "DrawbridgeRound", PolicyName: "extra", PolicyDocument: document }));
    const refresh = await stack.refresh();
    assert.ok((refresh.summary.resourceChanges?.update ?? 0) >= 1, JSON.stringify(refresh.summary.resourceChanges));
    const up = await stack.up();
    assert.deepEqual(up.summary.resourceChanges, { same: 6, update: 1 });
    const { PolicyNames } = await admin.send(new ListRolePoliciesCommand({ RoleName: "DrawbridgeRound" }));
    assert.deepEqual(PolicyNames, ["read"]);
  });

  await t.test("an equivalent policy is none: refresh and up leave it alone", async () => {
    const document = JSON.stringify({
      Statement: { Resource: ["arn:aws:s3:::b/*"], Action: ["s3:GetObject"], Effect: "Allow" },
      Version: "2012-10-17",
    });
    await admin.send(new PutRolePolicyCommand({ RoleName: "DrawbridgeRound", PolicyName: "read", PolicyDocument: document }));
    await stack.refresh();
    const up = await stack.up();
    assert.deepEqual(up.summary.resourceChanges, { same: 7 });
  });

  await t.test("destroy leaves no role", async () => {
    await unprotect(stack);
    await stack.destroy();
    await assert.rejects(admin.send(new GetRoleCommand({ RoleName: "DrawbridgeRound" })), { name: "NoSuchEntityException" });
  });
});

test("an update that fails halfway keeps what was made, and the next one mends it", async () => {
  const half: RoleInputs = { ...inputs, name: "DrawbridgeHalf", managedPolicyArns: [] };
  const failing = await realStack(sandbox, "role.half-00000000", async () => roleProgram(half, place));
  failing.workspace.envVars["DRAWBRIDGE_STAND_IN_FAIL"] = "aws:iam/role:Role:create:after";
  await assert.rejects(failing.up(), /the test asked that create of aws:iam\/role:Role fails/);
  const { deployment } = await failing.exportStack();
  const saved = (deployment as { resources: { id?: string; initErrors?: string[] }[] }).resources.find(({ id }) => id === "DrawbridgeHalf");
  assert.equal(saved?.initErrors?.length, 1);
  failing.workspace.envVars["DRAWBRIDGE_STAND_IN_FAIL"] = "";
  const { outputs } = await failing.up();
  assert.match(String(outputs["roleId"]?.value), /^AROA/);
  assert.deepEqual((await failing.up()).summary.resourceChanges, { same: 6 });
});

test("a bucket policy is replaced as a whole, drift in it is seen, and a destroy leaves the document", async () => {
  const bucket = tenantThings.sharedBucket(accountIds.tenant);
  const before = JSON.parse((await s3.send(new GetBucketPolicyCommand({ Bucket: bucket }))).Policy ?? "");
  const ours = {
    Sid: "DrawbridgeTest",
    Effect: "Allow" as const,
    Principal: { AWS: accountIds.tenant },
    Action: "s3:ListBucket",
    Resource: `arn:aws:s3:::${bucket}`,
  };
  const merged = { ...before, Statement: [...before.Statement, ours] };
  const policies = await realStack(sandbox, "bucket-policy.shared-00000000", async () =>
    bucketPolicyProgram({ bucket, policy: merged }, place),
  );
  await policies.up();
  assert.deepEqual((await policies.up({ refresh: true })).summary.resourceChanges, { same: 3 });
  await s3.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: JSON.stringify(before) }));
  assert.equal((await policies.up({ refresh: true })).summary.resourceChanges?.["update"], 1);
  await policies.destroy();
  const { Policy } = await s3.send(new GetBucketPolicyCommand({ Bucket: bucket }));
  assert.deepEqual(JSON.parse(Policy ?? ""), merged);
});

test("an owned key stays when its stack goes, and a later stack takes it in again", async () => {
  const policy = {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "Delegation",
        Effect: "Allow" as const,
        Principal: { AWS: `arn:aws:iam::${accountIds.tenant}:root` },
        Action: "kms:*",
        Resource: "*",
      },
    ],
  };
  const first = { description: "first", alias: "alias/drawbridge-round", policy, tags: { "drawbridge:tenant": "acme" } };
  const keys = await realStack(sandbox, "kms-key.round-00000000", async () => kmsKeyProgram(first, place));
  const { outputs } = await keys.up();
  const KeyId = String(outputs["keyId"]?.value);
  await keys.destroy();
  assert.equal((await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyState, "Enabled");
  const again = { ...first, description: "second" };
  const adopted = await realStack(sandbox, "kms-key.again-00000000", async () => kmsKeyProgram(again, { ...place, adopt: { key: KeyId } }));
  const { summary } = await adopted.up();
  assert.equal(summary.resourceChanges?.["import"], 1);
  adopted.workspace.program = async () => kmsKeyProgram(again, place);
  assert.deepEqual((await adopted.up()).summary.resourceChanges, { same: 3, update: 1 });
  assert.equal((await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.Description, "second");
  assert.deepEqual(JSON.parse((await kms.send(new GetKeyPolicyCommand({ KeyId, PolicyName: "default" }))).Policy ?? ""), policy);
});
