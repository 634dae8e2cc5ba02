import assert from "node:assert/strict";
import { test } from "node:test";
import { kmsKeyProgram } from "../../programs/kms-key.ts";
import type { KmsKeyInputs } from "../../stacks/stack.ts";
import { record } from "./recorded.ts";

const place = { accountId: "222222222222", region: "us-east-1", pathStyle: false };
const inputs: KmsKeyInputs = {
  description: "Files for the vendor",
  alias: "alias/drawbridge/acme-files",
  policy: {
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { AWS: "arn:aws:iam::222222222222:root" }, Action: "kms:*", Resource: "*" }],
  },
  tags: { "drawbridge:tenant": "acme" },
};

test("an owned key rotates, stays when the stack goes, and never skips the lockout check", async () => {
  const { resources, outputs } = await record(() => kmsKeyProgram(inputs, place));
  const key = resources.get("key");
  assert.equal(key?.inputs["enableKeyRotation"], true);
  assert.equal(key.inputs["bypassPolicyLockoutSafetyCheck"], undefined);
  assert.equal(key.options.retainOnDelete, true);
  assert.equal(key.imported, "");
  assert.deepEqual(resources.get("alias")?.inputs, { name: inputs.alias, targetKeyId: outputs["keyId"] });
  assert.equal(resources.get("alias")?.options.retainOnDelete, undefined);
  assert.deepEqual([...resources.keys()].sort(), ["alias", "key", "tenant"]);
  assert.deepEqual(outputs, { keyArn: "arn:of:key", keyId: "11111111-2222-3333-4444-555555555555", alias: inputs.alias });
});

test("a retained key is adopted by its id, and keeps its live properties only in that run", async () => {
  const id = "11111111-2222-3333-4444-555555555555";
  const taking = await record(() => kmsKeyProgram(inputs, { ...place, adopt: { key: id } }));
  assert.equal(taking.resources.get("key")?.imported, id);
  assert.equal(taking.resources.get("alias")?.imported, "");
  assert.ok([taking.resources.get("key")?.options.ignoreChanges].flat().includes("policy"));
  const later = await record(() => kmsKeyProgram({ ...inputs, adoptKeyId: id }, place));
  assert.equal(later.resources.get("key")?.imported, "");
  assert.equal(later.resources.get("key")?.options.ignoreChanges, undefined);
});

test("the key becomes a bucket's default encryption only on request", async () => {
  const { resources } = await record(() => kmsKeyProgram({ ...inputs, encryptBucket: "data" }, place));
  assert.deepEqual(resources.get("encryption")?.inputs, {
    bucket: "data",
    rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: "arn:of:key" }, bucketKeyEnabled: true }],
  });
});

test("a key that isn't ours gets only grants", async () => {
  const existingKeyArn = "arn:aws:kms:us-east-1:222222222222:key/11111111-2222-3333-4444-555555555555";
  const granteePrincipal = "arn:aws:iam::222222222222:role/VendorFiles";
  const grants = [{ name: "files-read", granteePrincipal, operations: ["Decrypt", "DescribeKey"] }];
  const { resources, outputs } = await record(() => kmsKeyProgram({ existingKeyArn, grants }, place));
  assert.deepEqual([...resources.keys()].sort(), ["grant-files-read", "tenant"]);
  assert.deepEqual(resources.get("grant-files-read")?.inputs, {
    name: "files-read",
    keyId: existingKeyArn,
    granteePrincipal,
    operations: ["Decrypt", "DescribeKey"],
  });
  assert.deepEqual(outputs, { keyArn: existingKeyArn });
});
