import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { creativeForceS3 } from "../../src/blueprints/creative-force-s3.ts";
import type { Expectations } from "../../src/blueprints/parts/blueprint.ts";
import { judge } from "../../src/iam/contract/judge.ts";
import { guardrailViolations } from "../../src/iam/guardrails/guardrails.ts";
import type { LiveDocuments } from "../../src/iam/words/live.ts";
import { listOf, type Statement } from "../../src/iam/words/policy-document.ts";
import { contractSuite } from "./contract-suite.ts";
import { readCases } from "./fixture.ts";
import { guardedOf } from "./guarded.ts";
import { liveDocuments } from "./live.ts";

contractSuite(creativeForceS3);

const context = { ...readCases("creative-force")[0]?.context, outputs: {} } as Parameters<typeof creativeForceS3.stacks>[1];
const parameters = { mode: "delivery", bucket: "acme-product-shots", encryption: { type: "SSE-S3" } };
const kmsKeyArn = "arn:aws:kms:eu-central-1:222222222222:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
const expected = (more: object): Expectations => creativeForceS3.expectations({ ...parameters, ...more }, context);

describe("the guide's own bucket policy, s3:* for the role", () => {
  const parsed = creativeForceS3.parameters.parse({ ...parameters, bucketPolicy: "vendor-exact" }) as Record<string, unknown>;
  const contract = creativeForceS3.contract(parsed, context);
  const specs = creativeForceS3.stacks(parsed, context);
  const live = liveDocuments(creativeForceS3, parsed, context);
  const proofOf = (documents: LiveDocuments, by?: string) =>
    judge(
      { ...contract, exceptions: (contract.exceptions ?? []).map((one) => ({ ...one, ...(by && { approvedBy: by }) })) },
      documents,
      "2026-11-22T03:00:00Z",
    );
  const violations = (change: (statement: Statement) => Statement) =>
    guardrailViolations(
      guardedOf(
        specs.map((spec) => {
          if (spec.kind !== "bucket-policy") return spec;
          const { bucket, policy } = spec.inputs;
          return { ...spec, inputs: { bucket, policy: { ...policy, Statement: policy.Statement.map(change) } } };
        }),
      ),
      contract,
      context,
    ).map(({ rule }) => rule);
  const mutated = (change: (statement: Statement) => Statement): LiveDocuments => ({
    ...live,
    buckets: live.buckets.map((bucket) => {
      if (!bucket.policy) return bucket;
      const Statement = bucket.policy.Statement.map((one) => (listOf(one.Action).includes("s3:*") ? change(one) : one));
      return { ...bucket, policy: { ...bucket.policy, Statement } };
    }),
  });

  test("needs an approval when it is new or on another bucket, and none when it goes", () => {
    const least = { ...parsed, bucketPolicy: "least" };
    const reasons = (before: object | undefined, after: object) =>
      creativeForceS3.approvals?.(before as Record<string, unknown> | undefined, after as Record<string, unknown>).length;
    assert.equal(reasons(undefined, parsed), 1);
    assert.equal(reasons(least, parsed), 1);
    assert.equal(reasons({ ...parsed, bucket: "other-bucket" }, parsed), 1);
    assert.deepEqual([reasons(parsed, parsed), reasons(parsed, least), reasons(undefined, least)], [0, 0, 0]);
  });

  test("a change of the bucket's default encryption needs an approval when it is new or on another bucket", () => {
    const applied = { ...parsed, bucketPolicy: "none", encryption: { type: "SSE-KMS", createKey: true, applyBucketEncryption: true } };
    const made = { ...applied, encryption: { type: "SSE-KMS", createKey: true } };
    const reasons = (before: object | undefined, after: object) =>
      creativeForceS3.approvals?.(before as Record<string, unknown> | undefined, after as Record<string, unknown>) ?? [];
    assert.match(reasons(undefined, applied).join(), /default encryption of bucket/);
    assert.equal(reasons(made, applied).length, 1);
    assert.equal(reasons({ ...applied, bucket: "other-bucket" }, applied).length, 1);
    assert.deepEqual([reasons(applied, applied), reasons(applied, made), reasons(undefined, made)], [[], [], []]);
  });

  test("passes the guardrails as the blueprint declares it, and no wider", () => {
    assert.deepEqual(
      violations((statement) => statement),
      [],
    );
    assert.deepEqual(
      violations((statement) => ({ ...statement, Resource: "arn:aws:s3:::acme-product-shots/*" })),
      ["privilege-escalation"],
    );
    assert.ok(violations((statement) => ({ ...statement, Action: ["s3:*", "s3:PutBucketPolicy"] })).includes("privilege-escalation"));
    const stranger = { AWS: "arn:aws:iam::999999999999:root" };
    assert.ok(violations((statement) => ({ ...statement, Principal: stranger })).includes("privilege-escalation"));
    const { exceptions: _, ...undeclared } = contract;
    assert.deepEqual(
      guardrailViolations(guardedOf(specs), undeclared, context).map(({ rule }) => rule),
      ["privilege-escalation"],
    );
  });

  test("is proved green with the exception listed and whoever approved it", () => {
    const proof = proofOf(live, "second-person");
    assert.deepEqual(
      proof.rows.filter(({ verdict }) => verdict === "red").map(({ id }) => id),
      [],
    );
    assert.match(proof.acceptedBreadth.join(), /may s3:\* on arn:aws:s3:::acme-product-shots\. .* Approved by second-person\./);
    assert.match(proofOf(live).acceptedBreadth.join(), /Nobody has approved it yet\./);
    assert.ok(!proof.rows.some(({ action, resource }) => action === "s3:DeleteBucket" && resource === "arn:aws:s3:::acme-product-shots"));
  });

  test("doesn't cover anything wider: objects, another principal, another bucket's statement are red", () => {
    const wider: ((statement: Statement) => Statement)[] = [
      (statement) => ({ ...statement, Resource: ["arn:aws:s3:::acme-product-shots", "arn:aws:s3:::acme-product-shots/*"] }),
      (statement) => ({ ...statement, Principal: { AWS: "arn:aws:iam::999999999999:root" } }),
      (statement) => ({ ...statement, Principal: "*" }),
      (statement) => ({ ...statement, Action: "*" }),
    ];
    for (const change of wider) assert.equal(proofOf(mutated(change), "second-person").verdict, "red", change.toString());
  });
});

test("encryption that differs from the parameters is a warning for a delivery and an error for a data source", () => {
  assert.deepEqual(expected({}).encryption, [
    { bucket: "acme-product-shots", algorithm: "AES256", mismatch: "warning", pointer: "/parameters/encryption" },
  ]);
  const [claim] = expected({ mode: "data-source", encryption: { type: "SSE-KMS", kmsKeyArn } }).encryption;
  assert.deepEqual(claim, {
    bucket: "acme-product-shots",
    algorithm: "aws:kms",
    kmsKeyArn,
    mismatch: "error",
    pointer: "/parameters/encryption",
  });
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
