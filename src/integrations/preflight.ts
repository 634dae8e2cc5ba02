/** What must be true in AWS before the first write. The reads run side by side; the checks run in order, each with its own code. */

import { referencesIn } from "../../stacks/references.ts";
import { carriesOwner } from "../accounts/inventory.ts";
import { isOwnBucket, readBucket, readKey, readRole } from "../accounts/live-documents.ts";
import { type Expectations, pointerTo } from "../blueprints/parts/blueprint.ts";
import type { AccessContract } from "../iam/contract/contract.ts";
import { judge } from "../iam/contract/judge.ts";
import type { LiveBucket, LiveKey, LiveRole } from "../iam/words/live.ts";
import { sidPrefix } from "../iam/words/sid.ts";
import type { TenantRecord } from "../model/tenant.ts";
import { ProblemError } from "../problem.ts";
import type { Account } from "./account.ts";
import type { DesiredStacks } from "./desired-stacks.ts";
import { partitionOf } from "./desired-stacks.ts";
import { rolesAsIfMade } from "./hand-off/static-judgement.ts";
import { ownInstead } from "./resources/own-resources.ts";
import { rulesOf } from "./stacks/kinds.ts";

interface Found {
  buckets: (LiveBucket | undefined)[];
  roles: (LiveRole | undefined)[];
  keys: (LiveKey | undefined)[];
}

export interface Preflight {
  /** Sentences for people. None of them stops the operation. */
  warnings: string[];
  /** The account's own keys that the parameters name, as they are now. */
  keys: LiveKey[];
}

/**
 * Reads what the blueprint expects. Refuses, with a specific code, everything that would fail or do harm later.
 *
 * @throws ProblemError invalid_parameters for a bucket of the tenant where the vendor's bucket is required, bucket_not_found,
 *   bucket_not_owned, bucket_wrong_region, stale_principal, encryption_mismatch, key_not_usable, key_wrong_region, role_name_taken,
 *   policy_too_large, public_policy_blocked, foreign_deny, aws_denied, aws_throttled, aws_rejected
 */
export async function preflight(
  account: Account,
  integration: string,
  { expectations: expected, specs, contract, vendorOwned }: Pick<DesiredStacks, "expectations" | "specs" | "contract" | "vendorOwned">,
): Promise<Preflight> {
  const { clients, tenant } = account;
  const ownKeys = expected.keyArns.filter((arn) => arn.split(":")[4] === tenant.accountId);
  await refuseOwnBuckets(account, vendorOwned);
  const [buckets, roles, keys] = await Promise.all([
    Promise.all(expected.buckets.map((name) => readBucket(clients.s3, name, tenant.accountId, tenant.region))),
    Promise.all(expected.roleNames.map((name) => readRole(clients.iam, name))),
    Promise.all(ownKeys.map((arn) => readKey(clients.kms, arn))),
  ]);
  const warnings = judgePreflight(tenant, integration, { ...expected, keyArns: ownKeys }, { buckets, roles, keys });
  const there = buckets.filter((bucket) => bucket !== undefined);
  for (const spec of specs) rulesOf(spec).preflight(sidPrefix(tenant.name, integration), there);
  refuseForeignDeny(tenant, { specs, contract }, there);
  return { warnings: [...warnings, ...aclWarnings(contract, there)], keys: keys.filter((key) => key !== undefined) };
}

/** A bucket's name contains no account. So where the vendor's bucket is required, this asks S3 whether the tenant owns the bucket. */
async function refuseOwnBuckets({ clients, tenant }: Account, vendorOwned: DesiredStacks["vendorOwned"]): Promise<void> {
  for (const { arn, pointer } of vendorOwned) {
    const [, name] = /:s3:::([^/*?]+)(?:\/.*)?$/.exec(arn) ?? [];
    if (name !== undefined && (await isOwnBucket(clients.s3, name, tenant.accountId))) throw ownInstead({ arn, pointer });
  }
}

/** The decision on what was read. Pure. */
export function judgePreflight(
  tenant: Pick<TenantRecord, "name" | "region">,
  integration: string,
  expected: Expectations,
  found: Found,
): string[] {
  for (const [index, name] of expected.buckets.entries())
    checkBucket(tenant, { name, pointer: pointerTo(expected, name) }, found.buckets[index]);
  for (const [index, name] of expected.roleNames.entries())
    checkRoleName(tenant, integration, { name, pointer: pointerTo(expected, name) }, found.roles[index]);
  for (const [index, arn] of expected.keyArns.entries()) checkKey(tenant, { arn, pointer: pointerTo(expected, arn) }, found.keys[index]);
  return expected.encryption.flatMap((claim) => checkEncryption(claim, found.buckets[expected.buckets.indexOf(claim.bucket)]));
}

interface Named {
  name: string;
  /** Where the request names it */
  pointer: string;
}

function checkBucket(tenant: Pick<TenantRecord, "region">, { name, pointer }: Named, bucket: LiveBucket | undefined): void {
  if (!bucket) throw new ProblemError("bucket_not_found", `Bucket ${name} doesn't exist. Create it, or correct the name.`, { pointer });
  if (bucket.region !== tenant.region) {
    throw new ProblemError(
      "bucket_wrong_region",
      `Bucket ${name} is in ${bucket.region}, the tenant in ${tenant.region}. Register a tenant for ${bucket.region}, or use a bucket of ${tenant.region}.`,
      { pointer },
    );
  }
}

/** The tags decide who owns a role. A name alone never makes it ours. */
function checkRoleName(
  tenant: Pick<TenantRecord, "name">,
  integration: string,
  { name, pointer }: Named,
  role: LiveRole | undefined,
): void {
  if (!role) return;
  if (carriesOwner(role.tags, { tenant, integration })) return;
  throw new ProblemError(
    "role_name_taken",
    `The account already has a role ${name} that isn't this integration's. Choose another roleName, add the bucket to the integration that has it, or remove that role.`,
    { pointer },
  );
}

function checkKey(
  tenant: Pick<TenantRecord, "region">,
  { arn, pointer }: { arn: string; pointer: string },
  key: LiveKey | undefined,
): void {
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
      pointer: claim.pointer,
    });
  return [what];
}

/** Drops statements on resources that another stack has yet to make: they don't matter for a bucket's policy. */
function withoutReferences(role: LiveRole): LiveRole {
  const inline = role.inline.map(({ name, document }) => {
    const Statement = document.Statement.filter((statement) => referencesIn(statement).length === 0);
    return { name, document: { ...document, Statement } };
  });
  return { ...role, inline };
}

/**
 * A Deny wins over every Allow, also over ours, so a grant under a Deny has no effect. Therefore the bucket's policy is judged with the
 * roles as they will be.
 *
 * @throws ProblemError foreign_deny, naming the statement
 */
export function refuseForeignDeny(
  { accountId, region }: Pick<TenantRecord, "accountId" | "region">,
  { specs, contract }: Pick<DesiredStacks, "specs" | "contract">,
  buckets: LiveBucket[],
): void {
  const roles = rolesAsIfMade(specs, { accountId, partition: partitionOf(region) }).map(withoutReferences);
  const { rows } = judge(onBuckets(contract), { roles, buckets, keys: [] }, new Date().toISOString());
  const denied = rows.find((row) => row.expect === "allow" && row.decision === "explicitly-denied" && row.action.startsWith("s3:"));
  if (!denied) return;
  throw new ProblemError(
    "foreign_deny",
    `${denied.action} on ${denied.resource} would be refused all the same. ${denied.because.join(" ")} Except the vendor's role from that statement, or remove it.`,
  );
}

/** The part of a contract that a bucket's policy can decide. A key may not exist yet. */
function onBuckets(contract: AccessContract): AccessContract {
  const isS3 = (resource: unknown) => typeof resource === "string" && resource.includes(":s3:::");
  return {
    ...contract,
    roles: contract.roles.map((role) => ({ ...role, grants: role.grants.filter((grant) => grant.resources.every(isS3)) })),
    resources: [],
    ownedKeys: [],
  };
}

/** S3 user guide, "Controlling ownership of objects and disabling ACLs". */
function aclWarnings(contract: AccessContract, buckets: LiveBucket[]): string[] {
  const setsAcls = contract.roles.some((role) => role.grants.some((grant) => grant.actions.includes("s3:PutObjectAcl")));
  if (!setsAcls) return [];
  return buckets
    .filter((bucket) => bucket.ownership === "BucketOwnerEnforced")
    .map((bucket) => `Bucket ${bucket.name} has ACLs switched off: there s3:PutObjectAcl works only with bucket-owner-full-control.`);
}
