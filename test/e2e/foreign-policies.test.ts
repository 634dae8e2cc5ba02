import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CreateBucketCommand, GetBucketPolicyCommand, PutBucketPolicyCommand } from "@aws-sdk/client-s3";
import fc from "fast-check";
import {
  type ConditionBlock,
  canonicalJson,
  type PolicyDocument,
  type PrincipalElement,
  type Statement,
} from "../../src/iam/policy-document.ts";
import { startWorld, type World } from "../support/world.ts";

const many = 30;
const atOnce = 5;
const seed = 20261122;

const oneOrMore = <T>(items: T[]): fc.Arbitrary<T | T[]> => fc.oneof(fc.constantFrom(...items), fc.subarray(items, { minLength: 1 }));

/** Statements of somebody else's that take nothing from the vendor: their Denies are on actions that it never uses. */
const foreignStatement = (bucket: string): fc.Arbitrary<Statement> =>
  fc
    .tuple(
      fc.constantFrom<Statement["Effect"]>("Allow", "Deny"),
      fc.constantFrom<PrincipalElement>(
        { AWS: "arn:aws:iam::888877776666:root" },
        { AWS: ["888877776666", "arn:aws:iam::777766665555:root"] },
      ),
      oneOrMore(["s3:PutBucketAcl", "s3:DeleteBucket", "s3:PutLifecycleConfiguration"]),
      oneOrMore([`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/theirs/*`]),
      fc.constantFrom<ConditionBlock | undefined>(
        undefined,
        { Bool: { "aws:SecureTransport": "true" } },
        { IpAddress: { "aws:SourceIp": ["192.0.2.0/24", "198.51.100.7/32"] } },
      ),
      fc.boolean(),
    )
    .map(([Effect, Principal, Action, Resource, Condition, turned]) => {
      const condition = Condition && { Condition };
      return turned ? { ...condition, Resource, Action, Principal, Effect } : { Effect, Principal, Action, Resource, ...condition };
    });

const foreignPolicy = (bucket: string): fc.Arbitrary<PolicyDocument> =>
  fc
    .record({ Id: fc.constantFrom("Theirs", "Policy-1"), statements: fc.array(foreignStatement(bucket), { minLength: 1, maxLength: 6 }) })
    .map(({ Id, statements }) => ({
      Version: "2012-10-17",
      Id,
      Statement: statements.map((statement, index) => (index % 2 === 0 ? { Sid: `Theirs${index}`, ...statement } : statement)),
    }));

describe(`${many} buckets with policies that other people wrote (seed ${seed})`, { concurrency: false }, () => {
  let world: World;
  const buckets = Array.from({ length: many }, (_, index) => `drawbridge-foreign-${index}`);
  const policies = buckets.map((bucket, index) => fc.sample(foreignPolicy(bucket), { numRuns: 1, seed: seed + index })[0]);
  const read = async (Bucket: string): Promise<PolicyDocument> =>
    JSON.parse((await world.aws().s3.send(new GetBucketPolicyCommand({ Bucket }))).Policy ?? "null");

  before(async () => {
    world = await startWorld();
    await world.tenant("acme");
    const { s3 } = world.aws();
    for (const [index, Bucket] of buckets.entries()) {
      await s3.send(new CreateBucketCommand({ Bucket }));
      await s3.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify(policies[index]) }));
    }
  });
  after(() => world?.stop());

  for (let start = 0; start < many; start += atOnce) {
    test(`${start + 1} to ${start + atOnce}: kept word for word and in order, and left as they were`, async () => {
      const numbers = Array.from({ length: atOnce }, (_, offset) => start + offset);
      await Promise.all(
        numbers.map(async (number) => {
          const bucket = buckets[number] ?? "";
          const original = canonicalJson(policies[number]);
          const parameters = {
            mode: "data-source",
            bucket,
            encryption: { type: "SSE-S3" },
            bucketPolicy: "least",
            externalId: `cf-foreign-${number}-4be0a917`,
          };
          const { operation } = await world.put("acme", `foreign-${number}`, { blueprint: "creative-force-s3", parameters });
          assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
          const merged = await read(bucket);
          const ours = merged.Statement.filter(({ Sid }) => Sid?.startsWith("Drawbridge"));
          assert.equal(ours.length, 1);
          assert.equal(canonicalJson({ ...merged, Statement: merged.Statement.filter((one) => !ours.includes(one)) }), original);
          assert.equal((await world.destroy("acme", `foreign-${number}`)).state, "succeeded");
          assert.equal(canonicalJson(await read(bucket)), original);
        }),
      );
    });
  }
});
