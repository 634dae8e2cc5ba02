import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { stackAddress, stackName, tenantBackendUrl } from "../../stacks/name.ts";

test("a stack's name shows its kind and key, and never changes", () => {
  assert.equal(stackName("role", "c1"), "role.c1-4d8a608b");
});

test("any key gives a name that Pulumi and S3 accept, and no path", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), (key) => {
      const name = stackName("bucket-policy", key);
      assert.match(name, /^[a-z0-9-]+\.[a-z0-9-]+-[0-9a-f]{8}$/);
      assert.ok(name.length <= 100);
      assert.ok(!name.includes(".."));
    }),
  );
});

test("keys with the same slug get different names", () => {
  assert.notEqual(stackName("role", "a.b"), stackName("role", "a-b"));
});

test("each tenant has its own prefix, and the query stays", () => {
  assert.equal(tenantBackendUrl("s3://state?region=us-east-1", "acme"), "s3://state/tenants/acme?region=us-east-1");
  assert.equal(tenantBackendUrl("s3://state/drawbridge/", "acme"), "s3://state/drawbridge/tenants/acme");
  assert.equal(stackAddress("s3://state", "acme", "role", "c1").backendUrl, "s3://state/tenants/acme");
});
