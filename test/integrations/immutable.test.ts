import assert from "node:assert/strict";
import { test } from "node:test";
import type { PolicyDocument } from "../../src/iam/words/policy-document.ts";
import { nextRecord } from "../../src/integrations/decide.ts";
import type { IntegrationRecord } from "../../src/model/integration.ts";
import { ProblemError } from "../../src/problem.ts";
import { stackAddress } from "../../stacks/name.ts";
import type { StackSpec } from "../../stacks/stack.ts";

const now = "2026-11-22T03:00:00Z";
const request = (blueprint: string, parameters: Record<string, unknown>) => ({
  tenant: "acme",
  name: "one",
  body: { blueprint, parameters },
  requestedBy: "tester",
});
const numbers = {
  vendor: "numbers-inc",
  principalArn: "arn:aws:iam::777777777777:role/loader",
  access: "read",
  buckets: [{ bucket: "figures" }],
};

test("a parameter in a role's name can't change, not even from undefined to a value", () => {
  const asked = nextRecord(request("custom-s3", numbers), undefined, now);
  const policy: PolicyDocument = { Version: "2012-10-17", Statement: [] };
  const spec: StackSpec = { kind: "bucket-policy", key: "figures", inputs: { bucket: "figures", policy } };
  const address = stackAddress("s3://state", "acme", spec.kind, spec.key);
  const before: IntegrationRecord = { ...asked, stacks: [{ spec, address, status: "up" }] };
  for (const [field, value] of Object.entries({ roleName: "Another", vendor: "letters-inc" })) {
    const refused = (error: unknown) =>
      error instanceof ProblemError && error.problem.code === "immutable_field" && error.problem.pointer === `/parameters/${field}`;
    assert.throws(() => nextRecord(request("custom-s3", { ...numbers, [field]: value }), before, now), refused);
  }
  const renamed = nextRecord(request("custom-s3", { ...numbers, roleName: "Another" }), asked, now);
  assert.equal(renamed.parameters["roleName"], "Another", "while nothing was made, it may");
  assert.equal(nextRecord(request("custom-s3", { ...numbers, access: "read-write" }), before, now).parameters["access"], "read-write");
});

test("if the blueprint has no vendor of its own, the parameters name the integration's vendor", () => {
  assert.equal(nextRecord(request("custom-s3", numbers), undefined, now).vendor, "numbers-inc");
  assert.equal(nextRecord(request("conductorone-s3", { bucket: "figures" }), undefined, now).vendor, "conductorone");
});
