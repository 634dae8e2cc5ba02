import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  DescribeKeyCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  KMSClient,
  ListAliasesCommand,
  ListGrantsCommand,
} from "@aws-sdk/client-kms";
import { GetBucketEncryptionCommand, GetBucketPolicyCommand, PutBucketPolicyCommand, S3Client } from "@aws-sdk/client-s3";
import { tenantThings } from "../../sandbox/accounts.ts";
import type { PolicyDocument, Statement } from "../../src/iam/words/policy-document.ts";
import { problemOf } from "../../src/problem.ts";
import type { KmsGrantsInputs, KmsKeyInputs, StackSpec } from "../../stacks/stack.ts";
import { type Running, startRunning } from "./running-engine.ts";

let running: Running;
let kms: KMSClient;
let s3: S3Client;
let account: string;
let bucket: string;

before(async () => {
  running = await startRunning();
  const { tenant } = running.sandbox.accounts;
  const there = { endpoint: running.sandbox.awsEndpoint, region: "us-east-1", credentials: tenant };
  kms = new KMSClient(there);
  s3 = new S3Client({ ...there, forcePathStyle: true });
  account = tenant.accountId;
  bucket = tenantThings.sharedBucket(account);
});
after(() => running.stop());

const alias = "alias/drawbridge/acme-files";
const keyInputs = (): KmsKeyInputs => ({
  description: "Files for the vendor",
  alias,
  policy: {
    Version: "2012-10-17",
    Statement: [{ Sid: "Delegation", Effect: "Allow", Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: "kms:*", Resource: "*" }],
  },
  tags: { "drawbridge:tenant": "acme" },
});
const key = (inputs: KmsKeyInputs | KmsGrantsInputs, name = "files"): StackSpec => ({ kind: "kms-key", key: name, inputs });
const metadata = async (KeyId: string) => (await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;
const aliases = async () => (await kms.send(new ListAliasesCommand({}))).Aliases?.map(({ AliasName }) => AliasName) ?? [];
const algorithm = async () => {
  const { ServerSideEncryptionConfiguration } = await s3.send(new GetBucketEncryptionCommand({ Bucket: bucket }));
  return ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault;
};

let keyId: string;
test("an owned key is made with alias, rotation and its policy", async () => {
  const { outputs } = await running.run(key(keyInputs()));
  keyId = String(outputs["keyId"]);
  assert.equal((await metadata(alias))?.Arn, outputs["keyArn"]);
  assert.equal((await kms.send(new GetKeyRotationStatusCommand({ KeyId: keyId }))).KeyRotationEnabled, true);
  const { Policy = "" } = await kms.send(new GetKeyPolicyCommand({ KeyId: keyId, PolicyName: "default" }));
  assert.deepEqual(JSON.parse(Policy), keyInputs().policy);
  assert.deepEqual((await running.run(key(keyInputs()))).changes, { same: 2 });
});

test("a bucket's default encryption follows the key, and the engine leaves it when the inputs no longer ask for it", async () => {
  await running.run(key({ ...keyInputs(), encryptBucket: bucket }));
  assert.deepEqual(await algorithm(), { SSEAlgorithm: "aws:kms", KMSMasterKeyID: (await metadata(keyId))?.Arn });
  await running.run(key(keyInputs()));
  // The engine doesn't know what the bucket had before; src/integrations/stacks/bucket-encryption.ts puts it back.
  assert.equal((await algorithm())?.SSEAlgorithm, "aws:kms");
});

test("a destroy deletes the alias and leaves the key enabled", async () => {
  await running.run(key(keyInputs()), { action: "destroy" });
  assert.equal((await metadata(keyId))?.KeyState, "Enabled");
  assert.ok(!(await aliases()).includes(alias));
});

test("a retained key is taken in again with its alias, and gets the new inputs", async () => {
  const inputs = { ...keyInputs(), description: "Files again", adoptKeyId: keyId };
  const preview = await running.run(key(inputs), { action: "preview" });
  assert.equal(preview.changes.import, 1);
  const { outputs, changes, steps } = await running.run(key(inputs));
  assert.equal(outputs["keyId"], keyId);
  assert.equal((await metadata(alias))?.KeyId, keyId);
  assert.equal((await metadata(keyId))?.Description, "Files again");
  assert.ok(steps.some(({ op, type }) => op === "import" && type === "aws:kms/key:Key"));
  assert.equal(changes.replace, undefined);
  assert.deepEqual((await running.run(key(inputs))).changes, { same: 2 });
});

test("grants on a foreign key are added and removed; its policy stays unchanged", async () => {
  const theirs = await metadata(tenantThings.keyAlias);
  const KeyId = theirs?.KeyId;
  const policy = async () => (await kms.send(new GetKeyPolicyCommand({ KeyId, PolicyName: "default" }))).Policy;
  const before = await policy();
  const granteePrincipal = `arn:aws:iam::${account}:role/${tenantThings.provisioningRole}`;
  const inputs = {
    existingKeyArn: String(theirs?.Arn),
    grants: [{ name: "files", granteePrincipal, operations: ["Decrypt", "GenerateDataKey"] }],
  };
  await running.run(key(inputs, "theirs"));
  const { Grants } = await kms.send(new ListGrantsCommand({ KeyId }));
  assert.deepEqual(
    Grants?.map(({ GranteePrincipal, Operations }) => [GranteePrincipal, Operations?.toSorted()]),
    [[granteePrincipal, ["Decrypt", "GenerateDataKey"]]],
  );
  await running.run(key(inputs, "theirs"), { action: "destroy" });
  assert.deepEqual((await kms.send(new ListGrantsCommand({ KeyId }))).Grants, []);
  assert.equal(await policy(), before);
});

const livePolicy = async (): Promise<PolicyDocument> =>
  JSON.parse((await s3.send(new GetBucketPolicyCommand({ Bucket: bucket }))).Policy ?? "");
const ours = (): Statement => ({
  Sid: "Drawbridge0a1b2c3dRead",
  Effect: "Allow",
  Principal: { AWS: `arn:aws:iam::${account}:role/${tenantThings.provisioningRole}` },
  Action: "s3:GetObject",
  Resource: `arn:aws:s3:::${bucket}/*`,
});
const bucketPolicy = (policy: PolicyDocument): StackSpec => ({ kind: "bucket-policy", key: bucket, inputs: { bucket, policy } });

test("a merged bucket policy is written complete and in order, and the same update again writes nothing", async () => {
  const original = await livePolicy();
  const merged = { ...original, Statement: [...original.Statement, ours()] };
  await running.run(bucketPolicy(merged));
  assert.deepEqual(await livePolicy(), merged);
  assert.deepEqual((await running.run(bucketPolicy(merged))).changes, { same: 1 });
});

test("an update that refreshes sees changes of others, an update that doesn't compares with state", async () => {
  const merged = await livePolicy();
  const edited = { ...merged, Statement: merged.Statement.slice(1) };
  await s3.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: JSON.stringify(edited) }));
  assert.deepEqual((await running.run(bucketPolicy(merged))).changes, { same: 1 });
  assert.deepEqual(await livePolicy(), edited);
  await running.run(bucketPolicy(merged), { refresh: true });
  assert.deepEqual(await livePolicy(), merged);
});

test("a bucket policy's stack can be removed without a destroy, and the policy stays; a key's stack can't, because of its alias", async () => {
  const before = await livePolicy();
  await running.engine.removeStack(running.request(bucketPolicy(before)).address, running.state);
  assert.equal(await running.engine.readState(running.request(bucketPolicy(before)).address, running.state), undefined);
  assert.deepEqual(await livePolicy(), before);
  const refused = await running.engine.removeStack(running.request(key(keyInputs())).address, running.state).catch(problemOf);
  assert.equal(refused?.code, "leftovers");
});

test("a destroy of a bucket policy's stack also leaves the policy", async () => {
  const before = await livePolicy();
  await running.run(bucketPolicy(before));
  await running.run(bucketPolicy(before), { action: "destroy" });
  assert.deepEqual(await livePolicy(), before);
});
