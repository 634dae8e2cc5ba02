import assert from "node:assert/strict";
import { test } from "node:test";
import type { LiveBucket, LiveKey, LiveRole } from "../../src/iam/words/live.ts";
import type { PolicyDocument } from "../../src/iam/words/policy-document.ts";
import { sidPrefix } from "../../src/iam/words/sid.ts";
import { judgePreflight, refuseForeignDeny } from "../../src/integrations/preflight.ts";
import { bucketPolicyRules } from "../../src/integrations/stacks/bucket-policy.ts";
import { type ProblemCode, ProblemError } from "../../src/problem.ts";

const tenant = { name: "acme", region: "eu-west-1" };
const keyArn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555";
const bucket: LiveBucket = { name: "data", accountId: "111122223333", region: "eu-west-1" };
const key: LiveKey = {
  arn: keyArn,
  accountId: "111122223333",
  state: "Enabled",
  policy: { Version: "2012-10-17", Statement: [] },
  grants: [],
  tags: {},
};
const role = (tags: Record<string, string>): LiveRole => ({
  arn: "arn:aws:iam::111122223333:role/reader",
  roleId: "AROAEXAMPLE",
  name: "reader",
  accountId: "111122223333",
  trust: { Version: "2012-10-17", Statement: [] },
  inline: [],
  attached: [],
  maxSessionDuration: 3600,
  tags,
});
const ours = role({ "drawbridge:tenant": "acme", "drawbridge:integration": "c1" });

interface Case {
  bucket?: LiveBucket | undefined;
  role?: LiveRole | undefined;
  key?: LiveKey | undefined;
  keyArn?: string;
  encryption?: "AES256" | "aws:kms";
  mismatch?: "error" | "warning";
}

function look(given: Case): string[] {
  const arn = given.keyArn ?? keyArn;
  const expected = {
    buckets: ["data"],
    roleNames: ["reader"],
    keyArns: [arn],
    encryption: given.encryption
      ? [{ bucket: "data", algorithm: given.encryption, mismatch: given.mismatch ?? ("error" as const), pointer: "/parameters/sse" }]
      : [],
    pointers: { data: "/parameters/store", reader: "/parameters/as", [arn]: "/parameters/sse/key" },
  };
  const found = {
    buckets: ["bucket" in given ? given.bucket : bucket],
    roles: ["role" in given ? given.role : ours],
    keys: ["key" in given ? given.key : key],
  };
  return judgePreflight(tenant, "c1", expected, found);
}

const refuses = (code: ProblemCode, act: () => unknown, says: RegExp) =>
  assert.throws(act, (error: unknown) => error instanceof ProblemError && error.problem.code === code && says.test(error.problem.detail));

test("an account as expected passes without a warning", () => {
  assert.deepEqual(look({}), []);
  assert.deepEqual(look({ role: undefined }), [], "a free role name");
  assert.deepEqual(look({ encryption: "AES256" }), [], "S3 encrypts with its own keys unless told otherwise");
});

const refusals: [ProblemCode, Case, RegExp][] = [
  ["bucket_not_found", { bucket: undefined }, /Create it/],
  ["bucket_wrong_region", { bucket: { ...bucket, region: "us-east-1" } }, /us-east-1.*eu-west-1/],
  ["role_name_taken", { role: role({}) }, /another roleName/],
  ["role_name_taken", { role: role({ "drawbridge:tenant": "acme", "drawbridge:integration": "other" }) }, /another roleName/],
  ["role_name_taken", { role: role({ "drawbridge:tenant": "globex", "drawbridge:integration": "c1" }) }, /another roleName/],
  ["key_wrong_region", { keyArn: keyArn.replace("eu-west-1", "us-east-1") }, /bucket's region/],
  ["key_not_usable", { key: undefined }, /doesn't exist/],
  ["key_not_usable", { key: { ...key, state: "PendingDeletion" } }, /PendingDeletion/],
  ["encryption_mismatch", { encryption: "aws:kms" }, /encrypts with AES256/],
];
for (const [code, given, says] of refusals) {
  test(`${code}: ${JSON.stringify(given).slice(0, 90)}`, () => {
    refuses(code, () => look(given), says);
    const place = { bucket: "/parameters/store", role: "/parameters/as", key: "/parameters/sse/key", encryption: "/parameters/sse" };
    const about = code.split("_")[0] as keyof typeof place;
    assert.throws(
      () => look(given),
      ({ problem }: ProblemError) => problem.pointer === place[about],
    );
  });
}

test("an encryption mismatch that is only a warning is reported and stops nothing", () => {
  assert.match(look({ encryption: "aws:kms", mismatch: "warning" })[0] ?? "", /encrypts with AES256/);
});

const spec = {
  kind: "bucket-policy" as const,
  key: "data",
  inputs: {
    bucket: "data",
    policy: { Version: "2012-10-17", Statement: [] } satisfies PolicyDocument,
  },
};
const withPolicy = (statement: PolicyDocument["Statement"][number], more: Partial<LiveBucket> = {}): LiveBucket => ({
  ...bucket,
  policy: { Version: "2012-10-17", Statement: [statement] },
  ...more,
});
const open = { Sid: "Open", Effect: "Allow" as const, Principal: "*" as const, Action: "s3:GetObject", Resource: "arn:aws:s3:::data/*" };
const block = { blockPublicAcls: true, ignorePublicAcls: true, blockPublicPolicy: true, restrictPublicBuckets: true };

const checkMerge = (live: LiveBucket) => bucketPolicyRules(spec).preflight(sidPrefix("acme", "c1"), [live]);

test("a policy with a deleted principal, with a public statement under BlockPublicPolicy or over the size limit is refused", () => {
  const stale = { ...open, Sid: "Old", Principal: { AWS: "AIDAEXAMPLEEXAMPLE123" } };
  refuses("stale_principal", () => checkMerge(withPolicy(stale)), /Old names AIDA/);
  refuses("public_policy_blocked", () => checkMerge(withPolicy(open, { publicAccessBlock: block })), /BlockPublicPolicy/);
  const long = {
    ...open,
    Principal: { AWS: "111122223333" },
    Resource: Array.from({ length: 120 }, (_, part) => `arn:aws:s3:::data/${"x".repeat(180)}/${part}`),
  };
  refuses("policy_too_large", () => checkMerge(withPolicy(long)), /20480/);
  checkMerge(withPolicy(open));
});

test("a Deny that would nullify the grant is refused, with its Sid; an unrelated Deny isn't", () => {
  const desired = {
    specs: [],
    contract: {
      roles: [
        {
          roleArn: "arn:aws:iam::111122223333:role/reader",
          trusted: [{ principal: "arn:aws:iam::999988887777:root", externalIds: ["an-id-of-theirs"] }],
          grants: [{ id: "Read", actions: ["s3:GetObject"], resources: ["arn:aws:s3:::data/*"], why: "reads" }],
          denied: [],
        },
      ],
      resources: [],
      acceptedBreadth: [],
    },
  };
  const made = {
    ...desired,
    specs: [
      {
        kind: "role" as const,
        key: "c1",
        inputs: {
          name: "reader",
          description: "",
          trust: ours.trust,
          inlinePolicies: [
            {
              name: "p",
              document: {
                Version: "2012-10-17",
                Statement: [{ Effect: "Allow" as const, Action: "s3:GetObject", Resource: "arn:aws:s3:::data/*" }],
              },
            },
          ],
          managedPolicyArns: [],
          tags: {},
        },
      },
    ],
  };
  const account = { accountId: "111122223333", region: "eu-west-1" };
  const deny = { ...open, Sid: "NobodyReads", Effect: "Deny" as const };
  refuses("foreign_deny", () => refuseForeignDeny(account, made, [withPolicy(deny)]), /NobodyReads/);
  refuseForeignDeny(account, made, [withPolicy({ ...deny, Action: "s3:DeleteObject" })]);
});
