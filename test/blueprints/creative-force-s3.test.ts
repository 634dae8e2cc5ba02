import assert from "node:assert/strict";
import { test } from "node:test";
import type { Expectations } from "../../src/blueprints/blueprint.ts";
import { creativeForceS3 } from "../../src/blueprints/creative-force-s3.ts";
import { ProblemError } from "../../src/problem.ts";
import { contractSuite } from "./contract-suite.ts";
import { readCases } from "./fixture.ts";

contractSuite(creativeForceS3);

const context = { ...readCases("creative-force")[0]?.context, outputs: {} } as Parameters<typeof creativeForceS3.stacks>[1];
const parameters = { mode: "delivery", bucket: "acme-product-shots", encryption: { type: "SSE-S3" } };
const kmsKeyArn = "arn:aws:kms:eu-central-1:222222222222:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
const expected = (more: object): Expectations => creativeForceS3.expectations({ ...parameters, ...more }, context);

test("the guide's own bucket policy isn't written without an approval", () => {
  const wish = { ...parameters, bucketPolicy: "vendor-exact" };
  const refused = (error: unknown) =>
    error instanceof ProblemError && error.problem.code === "approval_required" && error.problem.pointer === "/parameters/bucketPolicy";
  assert.throws(() => creativeForceS3.stacks(wish, context), refused);
});

test("encryption that differs from the parameters is a warning for a delivery and an error for a data source", () => {
  assert.deepEqual(expected({}).encryption, [{ bucket: "acme-product-shots", algorithm: "AES256", mismatch: "warning" }]);
  const [claim] = expected({ mode: "data-source", encryption: { type: "SSE-KMS", kmsKeyArn } }).encryption;
  assert.deepEqual(claim, { bucket: "acme-product-shots", algorithm: "aws:kms", kmsKeyArn, mismatch: "error" });
});

test("a bucket whose encryption Drawbridge sets has nothing to be compared with", () => {
  const encryption = { type: "SSE-KMS", createKey: true };
  assert.deepEqual(expected({ encryption: { ...encryption, applyBucketEncryption: true } }).encryption, []);
  assert.notEqual(expected({ encryption }).encryption[0]?.kmsKeyArn, undefined);
  assert.deepEqual(expected({ encryption }).keyArns, []);
});

test("no encryption, the customer's own, a double one, two keys and an alias are refused", () => {
  const refused = [
    { type: "none" },
    { type: "client-side" },
    { type: "DSSE-KMS", kmsKeyArn },
    { type: "SSE-KMS" },
    { type: "SSE-KMS", kmsKeyArn, createKey: true },
    { type: "SSE-KMS", kmsKeyArn, applyBucketEncryption: true },
    { type: "SSE-KMS", kmsKeyArn: "arn:aws:kms:eu-central-1:222222222222:alias/assets" },
  ];
  for (const encryption of refused) assert.equal(creativeForceS3.parameters.safeParse({ ...parameters, encryption }).success, false);
});
