import assert from "node:assert/strict";
import { test } from "node:test";
import { creativeForceS3 } from "../../../src/blueprints/creative-force-s3.ts";
import type { LiveKey } from "../../../src/iam/words/live.ts";
import type { Statement } from "../../../src/iam/words/policy-document.ts";
import { sidPrefix } from "../../../src/iam/words/sid.ts";
import { giverOf, keyGrants, statementReasons } from "../../../src/integrations/stacks/key-ladder.ts";
import { ProblemError } from "../../../src/problem.ts";

const account = "222222222222";
const arn = `arn:aws:kms:us-east-1:${account}:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0`;
const provisioning = `arn:aws:iam::${account}:role/DrawbridgeProvisioning`;
const context = { tenant: "acme", integration: "cf", accountId: account, region: "us-east-1", partition: "aws" as const, tags: {} };
const parameters = {
  mode: "delivery",
  bucket: "acme-shots",
  encryption: { type: "SSE-KMS", kmsKeyArn: arn },
  roleName: "Shots",
};
const known = { ...context, externalIds: ["cf-1f0e77aa"] };
const specs = creativeForceS3.stacks(parameters, known);
const contract = creativeForceS3.contract(parameters, known);
const expectations = creativeForceS3.expectations(parameters, known);
const giver = giverOf({ name: "acme", access: { mode: "assume-role", roleArn: provisioning } });

const key = (...Statement: Statement[]): LiveKey => ({
  arn,
  accountId: account,
  state: "Enabled",
  policy: { Version: "2012-10-17", Statement },
  grants: [],
  tags: {},
});
const allow = (who: string, ...Action: string[]): Statement => ({ Effect: "Allow", Principal: { AWS: who }, Action, Resource: "*" });
const root = `arn:aws:iam::${account}:root`;
const stacksFor = (live: LiveKey) => keyGrants("cf", { specs, contract, expectations }, [live], giver);

test("a key whose policy delegates to the account's IAM needs nothing", () => {
  assert.deepEqual(stacksFor(key(allow(root, "kms:*"))), []);
});

test("a key that lets us grant gets a grant, and its policy stays as it is", () => {
  for (const live of [key(allow(root, "kms:CreateGrant", "kms:PutKeyPolicy")), key(allow(provisioning, "kms:CreateGrant"))]) {
    const [stack, ...others] = stacksFor(live);
    assert.deepEqual(others, []);
    assert.ok(stack?.kind === "kms-key" && "existingKeyArn" in stack.inputs);
    assert.deepEqual(
      stack.inputs.grants.map(({ operations }) => operations),
      [["Decrypt", "Encrypt", "GenerateDataKey"]],
    );
    assert.equal(stack.inputs.statements, undefined);
    assert.deepEqual(statementReasons([...specs, stack], contract, [live]), []);
  }
});

test("a key that only lets us write its policy gets a statement of ours, which somebody must approve once", () => {
  const live = key(allow(provisioning, "kms:PutKeyPolicy"));
  const [stack] = stacksFor(live);
  assert.ok(stack?.kind === "kms-key" && "existingKeyArn" in stack.inputs);
  const [statement, ...others] = stack.inputs.statements ?? [];
  assert.deepEqual([stack.inputs.grants, others], [[], []]);
  assert.deepEqual(statement?.Action, ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]);
  assert.ok(statement?.Sid?.startsWith(sidPrefix("acme", "cf")));
  const all = [...specs, stack];
  assert.match(statementReasons(all, contract, [live]).join(), /isn't ours, would get a statement/);

  const written: Statement = { ...statement, Principal: { AWS: `arn:aws:iam::${account}:role/Shots` } } as Statement;
  const there = key(allow(provisioning, "kms:PutKeyPolicy"), written);
  assert.deepEqual(stacksFor(there), [stack], "our own statement is no reason to take it away");
  assert.deepEqual(statementReasons(all, contract, [there]), []);
  const narrower = key(allow(provisioning, "kms:PutKeyPolicy"), { ...written, Action: "kms:Decrypt" });
  assert.equal(statementReasons(all, contract, [narrower]).length, 1, "a wider one needs an approval again");
});

test("a key that lets us do neither and a key with an explicit Deny are refused, each with its own code", () => {
  const refused = (code: string) => (error: unknown) => error instanceof ProblemError && error.problem.code === code;
  assert.throws(() => stacksFor(key(allow("arn:aws:iam::222222222222:user/owner", "kms:*"))), refused("key_not_usable"));
  const deny: Statement = { Effect: "Deny", Principal: "*", Action: "kms:Decrypt", Resource: "*" };
  assert.throws(() => stacksFor(key(allow(root, "kms:*"), deny)), refused("key_policy_denies"));
});
