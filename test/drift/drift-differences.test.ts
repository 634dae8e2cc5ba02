import assert from "node:assert/strict";
import { test } from "node:test";
import { differencesOf } from "../../src/drift/drift-differences.ts";
import type { LiveRole } from "../../src/iam/words/live.ts";
import type { PolicyDocument, Statement } from "../../src/iam/words/policy-document.ts";
import type { StackSpec } from "../../stacks/stack.ts";

const document = (...Statement: Statement[]): PolicyDocument => ({ Version: "2012-10-17", Statement });
const trust: Statement = { Sid: "Trust", Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" };
const read: Statement = { Sid: "Read", Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::data/*" };
const list: Statement = { Sid: "List", Effect: "Allow", Action: "s3:ListBucket", Resource: "arn:aws:s3:::data" };
const logging = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
const spec: StackSpec = {
  kind: "role",
  key: "c1",
  inputs: {
    name: "C1",
    description: "",
    trust: document(trust),
    inlinePolicies: [{ name: "Permissions", document: document(read, list) }],
    managedPolicyArns: [logging],
    tags: {},
  },
};
const role: LiveRole = {
  arn: "arn:aws:iam::222222222222:role/C1",
  roleId: "AROAEXAMPLE",
  name: "C1",
  accountId: "222222222222",
  trust: document(trust),
  inline: [{ name: "Permissions", document: document(read, list) }],
  attached: [{ name: logging, document: document(read) }],
  maxSessionDuration: 3600,
  tags: {},
};
const look = (change: Partial<LiveRole>) =>
  differencesOf(
    { specs: [spec], outputs: new Map(), sidPrefix: "Drawbridgeab", encryption: [] },
    { roles: [{ ...role, ...change }], buckets: [], keys: [] },
  );
const inline = (one: PolicyDocument) => look({ inline: [{ name: "Permissions", document: one }] });

test("the order of statements is no difference", () => {
  assert.deepEqual(inline(document(list, read)), []);
});

test("a detached managed policy is said", () => {
  const [one, ...others] = look({ attached: [] });
  assert.deepEqual([one?.document, one?.what, one?.expected, others], ["attached", "removed", logging, []]);
});

test("statements are paired by their Sid: one changed, one gone and one added are three differences", () => {
  const found = inline(
    document({ ...read, Action: "s3:*", Condition: { Bool: { "aws:SecureTransport": "true" } } }, { ...list, Sid: "Mine" }),
  );
  assert.deepEqual(
    found.map(({ what, words }) => [what, words]),
    [
      ["changed", "Statement Read of inline policy Permissions has another Action and Condition."],
      ["removed", "Statement List of inline policy Permissions is gone."],
      ["added", "Statement Mine of inline policy Permissions was added."],
    ],
  );
});

test("another version of the policy language is a difference, though the statements are the same", () => {
  const [one] = inline({ Version: "2008-10-17", Statement: [read, list] });
  assert.deepEqual([one?.what, one?.expected, one?.found], ["changed", "2012-10-17", "2008-10-17"]);
});
