import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CreateBucketCommand, GetBucketPolicyCommand, PutBucketPolicyCommand } from "@aws-sdk/client-s3";
import fc from "fast-check";
import {
  type ConditionBlock,
  canonicalJson,
  type PolicyDocument,
  type PrincipalElement,
  type Statement,
} from "../../src/iam/words/policy-document.ts";
import { startWorld, type World } from "../support/world.ts";

const many = 30;
const least = 10;
const atOnce = 5;
const seed = 20261122;
/** Of the ten minutes that the file has: on a machine that is slowed down fewer policies are looked at, ten at least. */
const within = 1.5 * 60_000;

let world: World;
before(async () => {
  world = await startWorld();
  await world.tenant("acme");
});
after(() => world?.stop());

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

test(`up to ${many} policies that other people wrote (seed ${seed}) are kept word for word and in order, and left as they were`, async (t) => {
  const end = Date.now() + within;
  let done = 0;
  for (; done < many && (done < least || Date.now() < end); done += atOnce) {
    await Promise.all(Array.from({ length: atOnce }, (_, offset) => lifecycleBeside(done + offset)));
  }
  t.diagnostic(`${done} policies, seed ${seed}`);
});

/** One bucket whose policy somebody else wrote, before, during and after an integration that adds to it. */
async function lifecycleBeside(number: number): Promise<void> {
  const bucket = `drawbridge-foreign-${number}`;
  const [policy] = fc.sample(foreignPolicy(bucket), { numRuns: 1, seed: seed + number });
  const original = canonicalJson(policy);
  const { s3 } = world.aws();
  const read = async (): Promise<PolicyDocument> =>
    JSON.parse((await s3.send(new GetBucketPolicyCommand({ Bucket: bucket }))).Policy ?? "null");
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  await s3.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: JSON.stringify(policy) }));
  const parameters = {
    mode: "data-source",
    bucket,
    encryption: { type: "SSE-S3" },
    bucketPolicy: "least",
    externalId: `cf-foreign-${number}-4be0a917`,
  };
  const { operation } = await world.put("acme", `foreign-${number}`, { blueprint: "creative-force-s3", parameters });
  assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
  const merged = await read();
  const ours = merged.Statement.filter(({ Sid }) => Sid?.startsWith("Drawbridge"));
  assert.equal(ours.length, 1);
  assert.equal(canonicalJson({ ...merged, Statement: merged.Statement.filter((one) => !ours.includes(one)) }), original);
  assert.equal((await world.destroy("acme", `foreign-${number}`)).state, "succeeded");
  assert.equal(canonicalJson(await read()), original);
}
