import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkDocuments, type GuardedDocument, type GuardrailRule, guardrailViolations } from "../../src/iam/guardrails/guardrails.ts";
import type { PolicyDocument, Statement } from "../../src/iam/words/policy-document.ts";
import { ourSid } from "../../src/iam/words/sid.ts";
import { closedTrust, vendorTrust } from "../../src/iam/words/trust.ts";
import { account, allowStatements, examples, externalId, policy, readerRole } from "./examples.ts";

const { contract } = readerRole();
const [role] = contract.roles;
assert.ok(role);
const trusted = role.trusted;
const context = { contract, accountId: account, partition: "aws" };
const trust = (change: Partial<Statement> = {}): PolicyDocument => ({
  ...vendorTrust(trusted),
  Statement: vendorTrust(trusted).Statement.map((statement) => ({ ...statement, ...change })),
});
const allow = (change: Partial<Statement> = {}): PolicyDocument =>
  policy({ Sid: "Read", Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::acme-files/*", ...change });
const sid = ourSid("acme", "c1", "read");
const bucket = (change: Partial<Statement> = {}): PolicyDocument =>
  policy({
    Sid: sid,
    Effect: "Allow",
    Principal: { AWS: role.roleArn },
    Action: "s3:GetObject",
    Resource: "arn:aws:s3:::acme-files/*",
    ...change,
  });
const withId = (id: string) => ({ StringEquals: { "sts:ExternalId": id } });

function rules(kind: GuardedDocument["kind"], document: PolicyDocument): GuardrailRule[] {
  return checkDocuments([{ name: "D", kind, document }], context).map(({ rule }) => rule);
}

describe("documents that keep every guardrail", () => {
  const cases: [string, GuardedDocument["kind"], PolicyDocument][] = [
    ["an open trust", "trust", trust()],
    ["the closed trust", "trust", closedTrust()],
    ["an inline policy", "inline", allow()],
    [
      "the ending of old sessions",
      "inline",
      policy({
        Sid: "Older",
        Effect: "Deny",
        Action: "*",
        Resource: "*",
        Condition: { DateLessThan: { "aws:TokenIssueTime": "2026-11-22T12:00:00Z" } },
      }),
    ],
    ["a bucket policy", "bucket", bucket()],
    [
      "a bucket policy with other people's oddities",
      "bucket",
      {
        Version: "2008-10-17",
        Statement: [{ Sid: "Theirs", Effect: "Deny", Principal: "*", Action: "s3:*", Resource: "*" }, ...bucket().Statement],
      },
    ],
    [
      "a key policy that delegates to IAM",
      "key",
      policy({ Sid: "Iam", Effect: "Allow", Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: "kms:Decrypt", Resource: "*" }),
    ],
  ];
  for (const [name, kind, document] of cases) {
    test(name, () => {
      const found = rules(kind, document).filter((rule) => kind !== "key" || rule !== "wildcard-action");
      assert.deepEqual(found, []);
    });
  }
});

describe("each guardrail refuses", () => {
  const manySids = Array.from(
    { length: 60 },
    (_, index): Statement => ({
      Sid: `Read${index}`,
      Effect: "Allow",
      Action: "s3:GetObject",
      Resource: `arn:aws:s3:::acme-files/${"folder".repeat(30)}/${index}`,
    }),
  );
  const cases: [GuardrailRule, string, GuardedDocument["kind"], PolicyDocument][] = [
    ["public-principal", "everybody in a trust", "trust", trust({ Principal: "*" })],
    ["public-principal", "everybody of AWS in a bucket policy", "bucket", bucket({ Principal: { AWS: "*" } })],
    ["public-principal", "everybody but a list", "bucket", bucket({ NotPrincipal: { AWS: "123456789012" } })],
    ["outside-principal", "an account that the blueprint doesn't name", "trust", trust({ Principal: { AWS: "123456789012" } })],
    [
      "outside-principal",
      "the vendor's whole account in place of its role",
      "trust",
      trust({ Principal: { AWS: "arn:aws:iam::444455556666:root" } }),
    ],
    ["outside-principal", "a service that the blueprint doesn't name", "trust", trust({ Principal: { Service: "s3.amazonaws.com" } })],
    [
      "outside-principal",
      "an outside account in a bucket policy",
      "bucket",
      bucket({ Principal: { AWS: "arn:aws:iam::123456789012:root" } }),
    ],
    [
      "external-id",
      "no condition",
      "trust",
      policy({ Sid: "T", Effect: "Allow", Principal: { AWS: "arn:aws:iam::444455556666:role/Reader" }, Action: "sts:AssumeRole" }),
    ],
    ["external-id", "StringLike", "trust", trust({ Condition: { StringLike: { "sts:ExternalId": externalId } } })],
    ["external-id", "IfExists", "trust", trust({ Condition: { StringEqualsIfExists: { "sts:ExternalId": externalId } } })],
    ["external-id", "a set operator", "trust", trust({ Condition: { "ForAllValues:StringEquals": { "sts:ExternalId": externalId } } })],
    ["external-id", "an id that isn't the integration's", "trust", trust({ Condition: withId("another-id-5") })],
    ["wildcard-action", "every action of a service", "inline", allow({ Action: "s3:*" })],
    ["wildcard-action", "a pattern of actions", "inline", allow({ Action: "s3:Get*" })],
    [
      "wildcard-action",
      "every action but a list",
      "inline",
      policy({ Sid: "N", Effect: "Allow", NotAction: "iam:*", Resource: "arn:aws:s3:::acme-files/*" }),
    ],
    ["wildcard-resource", "every resource", "inline", allow({ Resource: "*" })],
    [
      "wildcard-resource",
      "every resource but a list",
      "inline",
      policy({ Sid: "N", Effect: "Allow", Action: "s3:GetObject", NotResource: "arn:aws:s3:::x" }),
    ],
    ["privilege-escalation", "passing roles", "inline", allow({ Action: "iam:PassRole", Resource: role.roleArn })],
    [
      "privilege-escalation",
      "writing the bucket's policy",
      "bucket",
      bucket({ Action: "s3:PutBucketPolicy", Resource: "arn:aws:s3:::acme-files" }),
    ],
    ["privilege-escalation", "a pattern that takes one in", "inline", allow({ Action: "iam:*" })],
    [
      "unique-sids",
      "the same Sid twice",
      "inline",
      policy(...allow().Statement, ...allow({ Resource: "arn:aws:s3:::acme-files/a" }).Statement),
    ],
    ["size", "a document beyond AWS's limit", "inline", policy(...manySids)],
    ["version", "the old version", "inline", { ...allow(), Version: "2008-10-17" }],
    ["partition", "an ARN of another partition", "inline", allow({ Resource: "arn:aws-cn:s3:::acme-files/*" })],
    ["smuggled-text", "a policy variable", "inline", allow({ Resource: "arn:aws:s3:::acme-files/${aws:username}/*" })],
    ["smuggled-text", "a star before the end", "inline", allow({ Resource: "arn:aws:s3:::acme-files/*/secret" })],
    ["smuggled-text", "a star in the bucket's name", "inline", allow({ Resource: "arn:aws:s3:::acme-*/x" })],
    ["smuggled-text", "a question mark", "inline", allow({ Resource: "arn:aws:s3:::acme-files/?" })],
    ["smuggled-text", "a star in an exact condition", "inline", allow({ Condition: { StringEquals: { "s3:prefix": "in/*" } } })],
    ["smuggled-text", "a variable in a condition", "inline", allow({ Condition: { StringLike: { "s3:prefix": "${aws:username}/*" } } })],
    ["deny", "a Deny in a bucket policy", "bucket", bucket({ Effect: "Deny" })],
    ["deny", "a Deny beside an open trust", "trust", policy(...trust().Statement, ...closedTrust().Statement)],
    ["deny", "a Deny in an inline policy", "inline", allow({ Effect: "Deny" })],
    ["grammar", "an action that AWS doesn't have", "inline", allow({ Action: "s3:GetObjekt" })],
    ["grammar", "a Sid with a space", "inline", allow({ Sid: "Read it" })],
    ["grammar", "a Principal in an identity policy", "inline", allow({ Principal: { AWS: role.roleArn } })],
    ["grammar", "a Resource in a trust", "trust", trust({ Resource: "*" })],
    ["grammar", "an operator that AWS doesn't have", "inline", allow({ Condition: { StringMatches: { "s3:prefix": "x" } } })],
    ["grammar", "no statement", "inline", policy()],
    ["beyond-contract", "another bucket than the contract's", "inline", allow({ Resource: "arn:aws:s3:::other-files/*" })],
    ["beyond-contract", "another action than the contract's", "inline", allow({ Action: "s3:DeleteObject" })],
  ];
  for (const [rule, name, kind, document] of cases) {
    test(`${rule}: ${name}`, () => {
      const found = rules(kind, document);
      assert.ok(found.includes(rule), `found ${found.join(", ") || "nothing"}`);
    });
  }

  test("confused-deputy: a service without its source, unless the blueprint declares why", () => {
    const party = { principal: "lambda.amazonaws.com", externalIds: [] };
    const check = (exception: object) =>
      checkDocuments([{ name: "D", kind: "trust", document: vendorTrust([party]) }], {
        ...context,
        contract: { ...contract, roles: [{ ...role, trusted: [{ ...party, ...exception }] }] },
      }).map(({ rule }) => rule);

    assert.deepEqual(check({}), ["confused-deputy"]);
    assert.deepEqual(check({ exception: "Lambda sends no source when it assumes a function's role" }), []);
  });
});

test("violations name the document and the statement, and repeat no external id", () => {
  const [violation] = checkDocuments(
    [{ name: "trust of Bridge", kind: "trust", document: trust({ Condition: withId("another-id-5") }) }],
    context,
  );

  assert.equal(violation?.document, "trust of Bridge");
  assert.equal(violation?.sid, "DrawbridgeTrust");
  assert.ok(!JSON.stringify(violation).includes("another-id-5"));
});

test("what a contract declares may stand with its wildcard", () => {
  const grants = [{ id: "Vpc", actions: ["ec2:Describe*"], resources: ["*"], why: "the guide asks for it" }];
  const declared = { ...context, contract: { ...contract, roles: [{ ...role, grants }] } };

  assert.deepEqual(checkDocuments([{ name: "D", kind: "inline", document: policy(...allowStatements(grants)) }], declared), []);
});

test("a reference to another stack's output counts as one exact resource", () => {
  const document = {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "Invoke",
        Effect: "Allow",
        Action: "events:InvokeApiDestination",
        Resource: { $ref: { kind: "collector", key: "c", output: "destinationArn" } },
      },
    ],
  } as unknown as PolicyDocument;

  assert.deepEqual(rules("inline", document), []);
});

for (const [name, make] of Object.entries(examples)) {
  test(`the stacks of the shape ${name} keep every guardrail`, () => {
    const example = make();
    const documents = example.live.roles.flatMap(({ name, trust, inline }): GuardedDocument[] => [
      { name: `trust of ${name}`, kind: "trust", document: trust },
      ...inline.map((policy) => ({ ...policy, kind: "inline" as const })),
    ]);

    assert.deepEqual(guardrailViolations(documents, example.contract, context), []);
  });
}
