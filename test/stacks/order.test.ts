import assert from "node:assert/strict";
import { test } from "node:test";
import { downOrder, upOrder } from "../../stacks/order.ts";
import { reference, referencesOf, resolveReferences } from "../../stacks/references.ts";
import type { StackSpec } from "../../stacks/stack.ts";

const role = (key: string, resource: unknown = "arn:aws:s3:::b"): StackSpec => ({
  kind: "role",
  key,
  inputs: {
    name: key,
    description: "",
    trust: { Version: "2012-10-17", Statement: [] },
    inlinePolicies: [
      {
        name: "p",
        document: { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "kms:Decrypt", Resource: resource as string }] },
      },
    ],
    managedPolicyArns: [],
    tags: {},
  },
});
const key = (name: string): StackSpec => ({
  kind: "kms-key",
  key: name,
  inputs: { description: "", alias: `alias/${name}`, policy: { Version: "2012-10-17", Statement: [] }, tags: {} },
});
const bucket = (name: string, principal: unknown): StackSpec => ({
  kind: "bucket-policy",
  key: name,
  inputs: {
    bucket: name,
    policy: {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: { AWS: principal as string }, Action: "s3:ListBucket", Resource: `arn:aws:s3:::${name}` }],
    },
  },
});
const keys = (layers: StackSpec[][]) => layers.map((layer) => layer.map((spec) => `${spec.kind}/${spec.key}`));

test("independent stacks are updated side by side", () => {
  assert.deepEqual(keys(upOrder([role("a"), role("b")])), [["role/a", "role/b"]]);
});

test("a stack waits for the stacks whose outputs it names", () => {
  const specs = [
    bucket("data", reference("role", "reader", "roleArn")),
    role("reader", reference("kms-key", "files", "keyArn")),
    key("files"),
  ];
  assert.deepEqual(keys(upOrder(specs)), [["kms-key/files"], ["role/reader"], ["bucket-policy/data"]]);
});

test("the teardown is in reverse order, and roles are last even if nothing names them", () => {
  const specs = [role("reader", reference("kms-key", "files", "keyArn")), key("files"), bucket("data", "arn:aws:iam::111122223333:root")];
  assert.deepEqual(keys(downOrder(specs)).at(-1), ["role/reader"]);
  assert.deepEqual(keys(downOrder(specs)).flat().sort(), ["bucket-policy/data", "kms-key/files", "role/reader"]);
});

test("the error names a circle or a missing stack", () => {
  const circle = [bucket("x", reference("role", "y", "roleArn")), role("y", reference("bucket-policy", "x", "bucket"))];
  assert.throws(() => upOrder(circle), /circle: bucket-policy\/x, role\/y/);
  assert.throws(() => upOrder([role("y", reference("kms-key", "none", "keyArn"))]), /no such stack: kms-key\/none/);
});

test("references are found and replaced anywhere in the inputs, and a missing output is an error", () => {
  const spec = role("reader", reference("kms-key", "files", "keyArn"));
  assert.deepEqual(referencesOf(spec), [{ kind: "kms-key", key: "files", output: "keyArn" }]);
  const resolved = resolveReferences(spec, (ref) => `arn-of-${ref.key}`);
  assert.match(JSON.stringify(resolved), /"Resource":"arn-of-files"/);
  assert.deepEqual(referencesOf(resolved), []);
  assert.throws(() => resolveReferences(spec, () => undefined), /no output keyArn/);
});

test("some of the stacks can be destroyed without the stacks that they name", () => {
  assert.deepEqual(keys(downOrder([bucket("data", reference("role", "reader", "roleArn"))])), [["bucket-policy/data"]]);
});
