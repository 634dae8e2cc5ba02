import assert from "node:assert/strict";
import { test } from "node:test";
import { customS3 } from "../../src/blueprints/custom-s3.ts";
import { contractSuite } from "./contract-suite.ts";

contractSuite(customS3);

const before = {
  vendor: "numbers-inc",
  principalArn: "arn:aws:iam::777777777777:role/loader",
  access: "read",
  buckets: [{ bucket: "acme-figures" }],
};
const reasons = (more: object, from: object | undefined = before): string =>
  (customS3.approvals?.(from, { ...before, ...more }) ?? ["no rule"]).join(" ");

test("vendor and principal that the parameters name are told, for the administrator's list", () => {
  assert.equal(customS3.vendorNamed?.(before), "numbers-inc");
  assert.deepEqual(customS3.outsidePrincipals?.(before), [{ arn: before.principalArn, pointer: "/parameters/principalArn" }]);
});

test("a create and whatever widens need an approval; the same and what narrows don't", () => {
  assert.match(customS3.approvals?.(undefined, before).join(" ") ?? "", /numbers-inc would get access/);
  assert.match(reasons({ principalArn: "arn:aws:iam::777777777777:root" }), /would trust/);
  assert.match(reasons({ access: "read-write" }), /s3:PutObject/);
  assert.match(reasons({ buckets: [{ bucket: "acme-figures" }, { bucket: "acme-payroll" }] }), /acme-payroll/);
  assert.match(reasons({ kmsKeyArn: "arn:aws:kms:eu-west-1:222222222222:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0" }), /kms:Decrypt/);
  const folder = { ...before, buckets: [{ bucket: "acme-figures", prefixes: ["out/"] }] };
  assert.match(reasons({}, folder), /s3:ListBucket/);
  assert.match(reasons({ buckets: [{ bucket: "acme-figures", prefixes: ["out/", "in/"] }] }, folder), /wider/);
  assert.equal(reasons({}), "");
  assert.equal(reasons({ buckets: folder.buckets }), "");
});

test("a public principal, a service, a unique id and a wildcard are refused", () => {
  for (const principalArn of ["*", "s3.amazonaws.com", "AROAEXAMPLEEXAMPLE123", "arn:aws:iam::777777777777:role/*", "arn:aws:iam::*:root"])
    assert.equal(customS3.parameters.safeParse({ ...before, principalArn }).success, false, principalArn);
});
