import assert from "node:assert/strict";
import { test } from "node:test";
import { bucketPolicyProgram } from "../../programs/bucket-policy.ts";
import { record } from "./recorded.ts";

const foreign = { Sid: "Theirs", Effect: "Deny", Principal: "*", Action: "s3:*", Resource: "arn:aws:s3:::data" } as const;
const ours = {
  Sid: "Drawbridge1",
  Effect: "Allow",
  Principal: { AWS: "arn:x" },
  Action: "s3:GetObject",
  Resource: "arn:aws:s3:::data/*",
} as const;

test("the merged document is written whole and in order, and is never deleted with the stack", async () => {
  const policy = { Version: "2008-10-17", Id: "Legacy", Statement: [foreign, ours] };
  const place = { accountId: "222222222222", region: "us-east-1", pathStyle: true };
  const { resources, outputs } = await record(() => bucketPolicyProgram({ bucket: "data", policy }, place));
  const document = resources.get("policy");
  assert.equal(document?.type, "aws:s3/bucketPolicy:BucketPolicy");
  assert.equal(document.inputs["bucket"], "data");
  assert.deepEqual(JSON.parse(String(document.inputs["policy"])), policy);
  assert.equal(document.options.retainOnDelete, true);
  assert.equal(resources.get("tenant")?.inputs["s3UsePathStyle"], "true");
  assert.deepEqual(outputs, { bucket: "data" });
});
