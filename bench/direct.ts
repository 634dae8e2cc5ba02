/** The limit: the same resources by AWS SDK calls alone. No state, no plan, no proof, nothing to destroy from later. */
import {
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  IAMClient,
  PutRolePolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from "@aws-sdk/client-iam";
import { CreateAliasCommand, CreateKeyCommand, DeleteAliasCommand, EnableKeyRotationCommand, KMSClient } from "@aws-sdk/client-kms";
import { DeleteBucketEncryptionCommand, PutBucketEncryptionCommand, S3Client } from "@aws-sdk/client-s3";
import { sandboxRegion } from "../sandbox/accounts.ts";
import type { Credentials } from "../src/engine/engine.ts";
import { resolveReferences } from "../stacks/references.ts";
import type { KmsKeyInputs, RoleInputs, StackSpec } from "../stacks/stack.ts";

export interface Direct {
  create(specs: readonly StackSpec[]): Promise<void>;
  /** What changes with the external id: the role's trust. */
  update(specs: readonly StackSpec[]): Promise<void>;
  destroy(specs: readonly StackSpec[]): Promise<void>;
}

const tagsOf = (tags: Record<string, string>) => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

/** The calls, made as the tenant's provisioning role. */
export function directCalls(endpoint: string, credentials: Credentials): Direct {
  const shared = { endpoint, region: sandboxRegion, credentials };
  const clients = { iam: new IAMClient(shared), kms: new KMSClient(shared), s3: new S3Client({ ...shared, forcePathStyle: true }) };
  return {
    async create(specs) {
      const outputs: Record<string, unknown> = {};
      for (const spec of specs) if (isOwnedKey(spec)) outputs["keyArn"] = await createKey(clients, spec.inputs);
      for (const spec of specs)
        if (spec.kind === "role") await createRole(clients, resolveReferences(spec, (ref) => outputs[ref.output]).inputs);
    },
    async update(specs) {
      for (const spec of specs) {
        if (spec.kind !== "role") continue;
        const PolicyDocument = JSON.stringify(spec.inputs.trust);
        await clients.iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: spec.inputs.name, PolicyDocument }));
      }
    },
    async destroy(specs) {
      for (const spec of specs) {
        if (spec.kind === "role") await deleteRole(clients, spec.inputs);
        if (isOwnedKey(spec)) await forgetKey(clients, spec.inputs);
      }
    },
  };
}

interface Clients {
  iam: IAMClient;
  kms: KMSClient;
  s3: S3Client;
}

function isOwnedKey(spec: StackSpec): spec is Extract<StackSpec, { kind: "kms-key" }> & { inputs: KmsKeyInputs } {
  return spec.kind === "kms-key" && !("existingKeyArn" in spec.inputs);
}

async function createRole({ iam }: Clients, { name, description, trust, tags, inlinePolicies }: RoleInputs): Promise<void> {
  const AssumeRolePolicyDocument = JSON.stringify(trust);
  await iam.send(new CreateRoleCommand({ RoleName: name, Description: description, AssumeRolePolicyDocument, Tags: tagsOf(tags) }));
  const policies = inlinePolicies.map((policy) => ({
    RoleName: name,
    PolicyName: policy.name,
    PolicyDocument: JSON.stringify(policy.document),
  }));
  await Promise.all(policies.map((policy) => iam.send(new PutRolePolicyCommand(policy))));
}

async function deleteRole({ iam }: Clients, { name, inlinePolicies }: RoleInputs): Promise<void> {
  await Promise.all(inlinePolicies.map((policy) => iam.send(new DeleteRolePolicyCommand({ RoleName: name, PolicyName: policy.name }))));
  await iam.send(new DeleteRoleCommand({ RoleName: name }));
}

async function createKey({ kms, s3 }: Clients, inputs: KmsKeyInputs): Promise<string> {
  const Tags = Object.entries(inputs.tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }));
  const made = await kms.send(new CreateKeyCommand({ Description: inputs.description, Policy: JSON.stringify(inputs.policy), Tags }));
  const { KeyId, Arn = "" } = made.KeyMetadata ?? {};
  const rule = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms" as const, KMSMasterKeyID: Arn }, BucketKeyEnabled: true };
  await Promise.all([
    kms.send(new EnableKeyRotationCommand({ KeyId })),
    kms.send(new CreateAliasCommand({ AliasName: inputs.alias, TargetKeyId: KeyId })),
    inputs.encryptBucket !== undefined &&
      s3.send(new PutBucketEncryptionCommand({ Bucket: inputs.encryptBucket, ServerSideEncryptionConfiguration: { Rules: [rule] } })),
  ]);
  return Arn;
}

/** The key itself stays, as the service leaves it. */
async function forgetKey({ kms, s3 }: Clients, { alias, encryptBucket }: KmsKeyInputs): Promise<void> {
  await kms.send(new DeleteAliasCommand({ AliasName: alias }));
  if (encryptBucket !== undefined) await s3.send(new DeleteBucketEncryptionCommand({ Bucket: encryptBucket }));
}
