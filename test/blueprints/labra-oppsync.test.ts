import assert from "node:assert/strict";
import { test } from "node:test";
import { labraOppsync } from "../../src/blueprints/labra-oppsync.ts";
import type { Statement } from "../../src/iam/words/policy-document.ts";
import { contractSuite } from "./contract-suite.ts";

contractSuite(labraOppsync);

const parameters = { environment: "production", labraAccountId: "555555555555" };
const bucket = "arn:aws:s3:::ace-apn-33333-prod-us-west-2";
const key = "arn:aws:kms:us-west-2:111122223333:key/11111111-2222-3333-4444-555555555555";
const statement = {
  Sid: "VisualEditor0",
  Effect: "Allow" as const,
  Action: ["s3:ListBucket", "kms:Decrypt", "kms:GenerateDataKey*"],
  Resource: [bucket, key],
};
const faults = (more: Partial<Statement>, given: object = {}): string[] =>
  labraOppsync.vendorPolicy?.check({ Version: "2012-10-17", Statement: [{ ...statement, ...more }] }, { ...parameters, ...given }) ?? [
    "no rule",
  ];

test("ACE's policy for one bucket and one key has nothing wrong", () => {
  assert.deepEqual(faults({}), []);
  assert.deepEqual(faults({}, { aceBucket: "ace-apn-33333-prod-us-west-2", aceKmsKeyArn: key }), []);
});

test("a policy that reaches further than one bucket of the stage and one key is refused, and the reason names what", () => {
  const refused: [Partial<Statement>, RegExp][] = [
    [{ Resource: "*" }, /\*/],
    [{ Resource: [bucket, key, "arn:aws:s3:::acme-payroll/*"] }, /acme-payroll/],
    [{ Resource: ["arn:aws:s3:::ace-apn-33333-beta-us-west-2", key] }, /beta/],
    [{ Resource: [bucket, "arn:aws:s3:::ace-apn-44444-prod-us-west-2"] }, /2 different buckets/],
    [{ Resource: [bucket, key, key.replace("1111-", "9999-")] }, /2 different keys/],
    [{ Resource: "arn:aws:s3:::ace-apn-*" }, /open/],
    [{ Resource: "arn:aws:kms:us-west-2:111122223333:key/*" }, /neither the bucket nor a key/],
    [{ Action: "s3:*" }, /s3:\*/],
    [{ Action: "*" }, /allows \*/],
    [{ Action: ["s3:GetObject", "s3:PutBucketPolicy"] }, /PutBucketPolicy/],
    [{ Action: "kms:CreateGrant" }, /CreateGrant/],
    [{ Action: "iam:PassRole" }, /PassRole/],
    [{ Effect: "Deny" }, /deny/],
    [{ Principal: "*" }, /Principal/],
    [{ NotAction: "s3:GetObject" }, /NotAction/],
  ];
  for (const [more, reason] of refused) assert.match(faults(more).join(" "), reason);
  assert.match(faults({}, { aceBucket: "ace-apn-44444-prod-us-west-2", aceKmsKeyArn: key }).join(" "), /and not ace-apn-44444/);
});

test("ACE's policy is awaited until it, or bucket and key, are given", () => {
  assert.equal(labraOppsync.vendorPolicy?.awaited(parameters), true);
  assert.equal(labraOppsync.vendorPolicy?.awaited({ ...parameters, aceBucket: "ace-apn-33333-prod-us-west-2", aceKmsKeyArn: key }), false);
});

test("a bucket of the other stage, a key of another region and one without the other are refused", () => {
  const refused = [
    { aceBucket: "ace-apn-33333-beta-us-west-2", aceKmsKeyArn: key },
    { aceBucket: "ace-apn-33333-prod-us-west-2" },
    { aceKmsKeyArn: key },
    { aceBucket: "ace-apn-33333-prod-us-west-2", aceKmsKeyArn: key.replace("us-west-2", "us-east-1") },
    { labraAccountId: 555555555555 },
  ];
  for (const more of refused) assert.equal(labraOppsync.parameters.safeParse({ ...parameters, ...more }).success, false);
});
