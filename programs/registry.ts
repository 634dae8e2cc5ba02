import type { StackKind } from "../stacks/stack.ts";
import { bucketPolicyProgram } from "./bucket-policy.ts";
import { kmsKeyProgram } from "./kms-key.ts";
import type { Program } from "./program.ts";
import { roleProgram } from "./role.ts";

/** Which program makes which kind. The runner looks up a spec's kind only here. */
export const programs: { [K in Exclude<StackKind, "collector">]: Program<K> } = {
  "kms-key": kmsKeyProgram,
  role: roleProgram,
  "bucket-policy": bucketPolicyProgram,
};
