/** What must be true in AWS before the first write: read side by side, decided in order, each with its own code. */

import { readBucket, readKey, readRole } from "../accounts/live-documents.ts";
import type { Expectations } from "../blueprints/blueprint.ts";
import type { LiveBucket, LiveKey, LiveRole } from "../iam/live.ts";
import type { PolicyDocument } from "../iam/policy-document.ts";
import { parsePrincipal } from "../iam/principal.ts";
import { ProblemError } from "../problem.ts";
import type { TenantRecord } from "../store/records.ts";
import type { Account } from "./account.ts";

interface Found {
  buckets: (LiveBucket | undefined)[];
  roles: (LiveRole | undefined)[];
  keys: (LiveKey | undefined)[];
}

/**
 * Reads what the blueprint expects and refuses by name what would fail or harm later. Answers warnings, in sentences.
 *
 * @throws ProblemError bucket_not_found, bucket_not_owned, bucket_wrong_region, stale_principal, encryption_mismatch,
 *   key_not_usable, key_wrong_region, role_name_taken, aws_denied, aws_throttled, aws_rejected
 */
export async function preflight(account: Account, integration: string, expected: Expectations): Promise<string[]> {
  const { clients, tenant } = account;
  const ownKeys = expected.keyArns.filter((arn) => arn.split(":")[4] === tenant.accountId);
  const [buckets, roles, keys] = await Promise.all([
    Promise.all(expected.buckets.map((name) => readBucket(clients.s3, name, tenant.accountId, tenant.region))),
    Promise.all(expected.roleNames.map((name) => readRole(clients.iam, name))),
    Promise.all(ownKeys.map((arn) => readKey(clients.kms, arn))),
  ]);
  return judgePreflight(tenant, integration, { ...expected, keyArns: ownKeys }, { buckets, roles, keys });
}

/** The decision over what was read. Pure. */
export function judgePreflight(
  tenant: Pick<TenantRecord, "name" | "region">,
  integration: string,
  expected: Expectations,
  found: Found,
): string[] {
  for (const [index, name] of expected.buckets.entries()) checkBucket(tenant, name, found.buckets[index]);
  for (const [index, name] of expected.roleNames.entries()) checkRoleName(tenant, integration, name, found.roles[index]);
  for (const [index, arn] of expected.keyArns.entries()) checkKey(tenant, arn, found.keys[index]);
  return expected.encryption.flatMap((claim) => checkEncryption(claim, found.buckets[expected.buckets.indexOf(claim.bucket)]));
}

function checkBucket(tenant: Pick<TenantRecord, "region">, name: string, bucket: LiveBucket | undefined): void {
  if (!bucket)
    throw new ProblemError("bucket_not_found", `Bucket ${name} doesn't exist. Create it, or correct the name.`, {
      pointer: "/parameters/bucket",
    });
  if (bucket.region !== tenant.region) {
    throw new ProblemError(
      "bucket_wrong_region",
      `Bucket ${name} is in ${bucket.region}, the tenant in ${tenant.region}. Register a tenant for ${bucket.region}, or use a bucket of ${tenant.region}.`,
      { pointer: "/parameters/bucket" },
    );
  }
}

/** The tags decide whose a role is; a name alone never makes it ours. */
function checkRoleName(tenant: Pick<TenantRecord, "name">, integration: string, name: string, role: LiveRole | undefined): void {
  if (!role) return;
  if (role.tags["drawbridge:tenant"] === tenant.name && role.tags["drawbridge:integration"] === integration) return;
  throw new ProblemError(
    "role_name_taken",
    `The account already has a role ${name} that isn't this integration's. Choose another roleName, add the bucket to the integration that has it, or remove that role.`,
    { pointer: "/parameters/roleName" },
  );
}

function checkKey(tenant: Pick<TenantRecord, "region">, arn: string, key: LiveKey | undefined): void {
  const pointer = "/parameters/kmsKeyArn";
  const region = arn.split(":")[3];
  if (region !== tenant.region)
    throw new ProblemError("key_wrong_region", `Key ${arn} is in ${region}; S3 takes only keys of the bucket's region, ${tenant.region}.`, {
      pointer,
    });
  if (!key) throw new ProblemError("key_not_usable", `Key ${arn} doesn't exist. Correct the ARN.`, { pointer });
  if (key.state !== "Enabled")
    throw new ProblemError("key_not_usable", `Key ${arn} is ${key.state}. Enable it, or cancel its deletion.`, { pointer });
}

function checkEncryption(claim: Expectations["encryption"][number], bucket: LiveBucket | undefined): string[] {
  const live = bucket?.encryption;
  const matches =
    (live?.algorithm ?? "AES256") === claim.algorithm && (claim.kmsKeyArn === undefined || live?.kmsKeyArn === claim.kmsKeyArn);
  if (matches) return [];
  const what = `Bucket ${claim.bucket} encrypts with ${live?.algorithm ?? "AES256"}${live?.kmsKeyArn ? ` under ${live.kmsKeyArn}` : ""} by default, not as the parameters say.`;
  if (claim.mismatch === "error")
    throw new ProblemError("encryption_mismatch", `${what} Change the parameters or the bucket's default encryption.`, {
      pointer: "/parameters/encryption",
    });
  return [what];
}

/**
 * Refuses a policy that names a deleted principal: AWS shows it as a unique id and rejects every later write of the document
 * (AWS IAM user guide, "AWS JSON policy elements: Principal").
 *
 * @throws ProblemError stale_principal
 */
export function refuseStalePrincipals(where: string, policy: PolicyDocument | undefined): void {
  for (const [index, statement] of (policy?.Statement ?? []).entries()) {
    const named = typeof statement.Principal === "object" ? Object.values(statement.Principal).flat() : [];
    const stale = named.find((principal) => parsePrincipal(principal)?.kind === "unique-id");
    if (!stale) continue;
    throw new ProblemError(
      "stale_principal",
      `${where}: statement ${statement.Sid ?? index + 1} names ${stale}, a role or user that was deleted. AWS rejects every write of this policy until that principal is removed from it.`,
    );
  }
}
