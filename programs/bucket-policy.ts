import { BucketPolicy } from "@pulumi/aws/s3/bucketPolicy.js";
import type { BucketPolicyInputs } from "../stacks/stack.ts";
import { policyJson } from "./policy-json.ts";
import type { Place, ProgramOutputs } from "./program.ts";
import { tenantProvider } from "./tenant-provider.ts";

/**
 * A bucket's only policy, as merged just before the update. It has `retainOnDelete`, because a destroy would remove everybody's statements
 * with ours (PutBucketPolicy replaces the whole document). Output `bucket`.
 */
export function bucketPolicyProgram({ bucket, policy }: BucketPolicyInputs, place: Place): ProgramOutputs {
  const provider = tenantProvider(place);
  const document = new BucketPolicy("policy", { bucket, policy: policyJson(policy) }, { provider, retainOnDelete: true });
  return { bucket: document.bucket };
}
