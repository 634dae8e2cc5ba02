import { Alias } from "@pulumi/aws/kms/alias.js";
import { Grant } from "@pulumi/aws/kms/grant.js";
import { Key } from "@pulumi/aws/kms/key.js";
import type { Provider } from "@pulumi/aws/provider.js";
import { BucketServerSideEncryptionConfiguration } from "@pulumi/aws/s3/bucketServerSideEncryptionConfiguration.js";
import type { KmsGrantsInputs, KmsKeyInputs } from "../stacks/stack.ts";
import { adoption } from "./adoption.ts";
import { policyJson } from "./policy-json.ts";
import type { Place, ProgramOutputs } from "./program.ts";
import { tenantProvider } from "./tenant-provider.ts";

/** An owned key with its alias, or grants on somebody else's key. The inputs decide which. */
export function kmsKeyProgram(inputs: KmsKeyInputs | KmsGrantsInputs, place: Place): ProgramOutputs {
  const provider = tenantProvider(place);
  return "existingKeyArn" in inputs ? grants(inputs, provider) : ownedKey(inputs, provider, place);
}

/**
 * A key that rotates itself yearly. A destroy keeps it (`retainOnDelete`), because deleting a key destroys what it encrypted. A later stack
 * adopts a retained key by its id. Outputs `keyArn`, `keyId`, `alias`.
 */
function ownedKey(inputs: KmsKeyInputs, provider: Provider, place: Place): ProgramOutputs {
  const key = new Key(
    "key",
    { description: inputs.description, enableKeyRotation: true, policy: policyJson(inputs.policy), tags: inputs.tags },
    { provider, retainOnDelete: true, ...adoption(place, "key", ["description", "enableKeyRotation", "policy", "tags", "tagsAll"]) },
  );
  const alias = new Alias(
    "alias",
    { name: inputs.alias, targetKeyId: key.keyId },
    { provider, ...adoption(place, "alias", ["targetKeyId"]) },
  );
  if (inputs.encryptBucket !== undefined) encryptBucket(inputs.encryptBucket, key, provider);
  return { keyArn: key.arn, keyId: key.keyId, alias: alias.name };
}

/**
 * The bucket's default encryption. The engine keeps it when the stack goes (`retainOnDelete`): what was there before is put back outside the
 * engine, which knows no earlier setting. A bucket key reduces the calls to KMS (S3 user guide, "Reducing the cost of SSE-KMS").
 */
function encryptBucket(bucket: string, key: Key, provider: Provider): void {
  const rule = { applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: key.arn }, bucketKeyEnabled: true };
  new BucketServerSideEncryptionConfiguration("encryption", { bucket, rules: [rule] }, { provider, retainOnDelete: true });
}

/** Grants change nothing in the key's policy, which belongs to its owner. Output `keyArn`. */
function grants({ existingKeyArn, grants: wanted }: KmsGrantsInputs, provider: Provider): ProgramOutputs {
  for (const { name, granteePrincipal, operations } of wanted)
    new Grant(`grant-${name}`, { name, keyId: existingKeyArn, granteePrincipal, operations }, { provider });
  return { keyArn: existingKeyArn };
}
