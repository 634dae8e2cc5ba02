/**
 * One stack of a tenant, as plain JSON. It can be read, compared, stored and run again long after the code that made it has changed.
 * Nothing here does I/O.
 */
import type { PolicyDocument, Statement } from "../src/iam/words/policy-document.ts";

/** Every kind as it is recorded. src/integrations/stacks has what Drawbridge does with each kind, in one file for each. */
export const stackKinds = ["kms-key", "role", "bucket-policy", "collector"] as const;

export type StackKind = (typeof stackKinds)[number];

/** Another stack's output. Its value is filled in when that stack is up. References also decide the order (order.ts). */
export interface Reference {
  $ref: { kind: StackKind; key: string; output: string };
}

export interface InlinePolicy {
  name: string;
  document: PolicyDocument;
}

export interface RoleInputs {
  name: string;
  description: string;
  trust: PolicyDocument;
  inlinePolicies: InlinePolicy[];
  managedPolicyArns: string[];
  permissionsBoundaryArn?: string;
  tags: Record<string, string>;
}

/** The whole merged document: our statements and everybody else's (src/iam/words/merge.ts), read just before the update. */
export interface BucketPolicyInputs {
  bucket: string;
  policy: PolicyDocument;
}

export interface KmsKeyInputs {
  description: string;
  /** `alias/…` */
  alias: string;
  policy: PolicyDocument;
  tags: Record<string, string>;
  /** Set to adopt a retained key instead of making one. */
  adoptKeyId?: string;
  /** Makes this key the default encryption of a bucket of the same account. */
  encryptBucket?: string;
}

/** Access to a key that is not ours and whose policy doesn't delegate to IAM: the second and the third step of the KMS ladder. */
export interface KmsGrantsInputs {
  existingKeyArn: string;
  /** `name` is unique per key and grantee; a changed grant is a new one (AWS KMS guide, "Grants in AWS KMS"). */
  grants: { name: string; granteePrincipal: string; operations: string[] }[];
  /** Statements for the key's own policy, which isn't ours. They need an approval, and are merged in and removed without Pulumi. */
  statements?: Statement[];
}

export interface StackInputs {
  role: RoleInputs;
  "bucket-policy": BucketPolicyInputs;
  "kms-key": KmsKeyInputs | KmsGrantsInputs;
  collector: Record<string, never>;
}

/** A stack of one of these kinds: `key` is unique per kind within its tenant. */
export type SpecOf<K extends StackKind> = { [P in K]: { kind: P; key: string; inputs: StackInputs[P] } }[K];

export type StackSpec = SpecOf<StackKind>;

export type RoleSpec = SpecOf<"role">;
export type BucketPolicySpec = SpecOf<"bucket-policy">;
/** A key that Drawbridge makes. */
export type OwnedKeySpec = Omit<SpecOf<"kms-key">, "inputs"> & { inputs: KmsKeyInputs };
/** Access to a key that is somebody else's. */
export type KeyAccessSpec = Omit<SpecOf<"kms-key">, "inputs"> & { inputs: KmsGrantsInputs };

/** Where a stack's state is. */
export interface StackAddress {
  kind: StackKind;
  project: "drawbridge";
  stack: string;
  /** `s3://<bucket>/tenants/<tenant>?…`, without `profile`. */
  backendUrl: string;
}
