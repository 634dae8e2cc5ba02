import { CreateRoleCommand, PutRolePolicyCommand, UpdateAssumeRolePolicyCommand } from "@aws-sdk/client-iam";
import { CreateAliasCommand, CreateKeyCommand } from "@aws-sdk/client-kms";
import { CreateBucketCommand, PutBucketPolicyCommand, PutBucketVersioningCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import type { Statement } from "../src/iam/words/policy-document.ts";
import {
  type AccountName,
  platformThings,
  type SandboxAccount,
  sandboxRegion,
  tenantThings,
  type VendorPrincipal,
  vendorPrincipals,
} from "./accounts.ts";
import { provisioningStatements } from "./provisioning-policy.ts";
import { makeUser, policy, type Root, rootOf } from "./root.ts";

export type SandboxAccounts = Record<AccountName, SandboxAccount>;

/** Who is in a filled AWS, and what the service's side of it is called. */
export interface Filled {
  accounts: SandboxAccounts;
  stateRoleArn: string;
  /** For `DRAWBRIDGE_SECRETS_PROVIDER`, where a run is to have secrets in state encrypted as installations have them */
  secretsProvider: string;
}

export interface Seeded extends Filled {
  /**
   * Opens an account's provisioning role to the service's user, under the external id that the service answered when the tenant was
   * registered. Each tenant of the account has an id of its own, and the role trusts all that were given here.
   */
  trustProvisioner(externalId: string, tenant?: "tenant" | "neighbour"): Promise<void>;
}

/** Fills an empty emulator with the accounts of accounts.ts. The accounts are made side by side. */
export async function seed(endpoint: string): Promise<Seeded> {
  const [platform, tenant, neighbour, outsider, conductorone, creativeForce, infosum, labra] = await Promise.all([
    seedPlatform(rootOf(endpoint, "platform")),
    seedTenant(rootOf(endpoint, "tenant")),
    seedTenant(rootOf(endpoint, "neighbour")),
    makeUser(rootOf(endpoint, "outsider"), "stranger", "everything"),
    seedVendor(rootOf(endpoint, "conductorone"), vendorPrincipals.conductorone),
    seedVendor(rootOf(endpoint, "creative-force"), vendorPrincipals["creative-force"]),
    seedVendor(rootOf(endpoint, "infosum"), vendorPrincipals.infosum),
    seedVendor(rootOf(endpoint, "labra"), vendorPrincipals.labra),
  ]);
  const { account, stateRoleArn, secretsProvider } = platform;
  const accounts = { platform: account, tenant, neighbour, outsider, conductorone, "creative-force": creativeForce, infosum, labra };
  return withTrust(endpoint, { accounts, stateRoleArn, secretsProvider });
}

/** A filled AWS, whose tenant's provisioning role trusts these external ids already. */
export function withTrust(endpoint: string, filled: Filled, externalIds: string[] = []): Seeded {
  const trusted = { tenant: new Set(externalIds), neighbour: new Set<string>() };
  return {
    ...filled,
    async trustProvisioner(externalId, name = "tenant") {
      trusted[name].add(externalId);
      await trustProvisioner(rootOf(endpoint, name), filled.accounts.platform.principalArn, [...trusted[name]]);
    },
  };
}

async function seedPlatform(root: Root): Promise<{ account: SandboxAccount; stateRoleArn: string; secretsProvider: string }> {
  const bucket = platformThings.stateBucket;
  await root.s3.send(new CreateBucketCommand({ Bucket: bucket }));
  await root.s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: "Enabled" } }));
  const secretsKeyArn = await makeKey(root, { alias: platformThings.secretsKeyAlias, description: "Encrypts secrets in Pulumi's state" });
  const state: Statement[] = [
    {
      Effect: "Allow",
      Action: ["s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketLocation", "s3:GetBucketVersioning"],
      Resource: `arn:aws:s3:::${bucket}`,
    },
    {
      Effect: "Allow",
      Action: ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject"],
      Resource: `arn:aws:s3:::${bucket}/*`,
    },
    { Effect: "Allow", Action: ["kms:Encrypt", "kms:Decrypt"], Resource: secretsKeyArn },
  ];
  const stateRoleArn = `arn:aws:iam::${root.accountId}:role/${platformThings.stateRole}`;
  const assume: Statement = {
    Effect: "Allow",
    Action: "sts:AssumeRole",
    Resource: [stateRoleArn, `arn:aws:iam::*:role/${tenantThings.provisioningRole}*`],
  };
  const account = await makeUser(root, platformThings.user, [...state, assume]);
  await makeRole(root, platformThings.stateRole, trust(account.principalArn), state);
  // By its id: the emulator holds the rights to an alias's key against the alias.
  const secretsProvider = `awskms://${secretsKeyArn.split("/")[1]}?region=${sandboxRegion}`;
  return { account, stateRoleArn, secretsProvider };
}

async function seedTenant(root: Root): Promise<SandboxAccount> {
  const administrator = await makeUser(root, "administrator", "everything");
  const provisioningRoleArn = `arn:aws:iam::${root.accountId}:role/${tenantThings.provisioningRole}`;
  await makeRole(root, tenantThings.provisioningRole, closedTrust, provisioningStatements(root.accountId));
  const plain = tenantThings.plainBucket(root.accountId);
  const shared = tenantThings.sharedBucket(root.accountId);
  for (const Bucket of [plain, shared]) {
    await root.s3.send(new CreateBucketCommand({ Bucket }));
    await root.s3.send(new PutObjectCommand({ Bucket, Key: tenantThings.sampleObject, Body: "hello\n", ContentType: "text/plain" }));
  }
  await root.s3.send(new PutBucketPolicyCommand({ Bucket: shared, Policy: foreignBucketPolicy(shared, administrator.principalArn) }));
  const keyArn = await makeKey(root, { alias: tenantThings.keyAlias, description: "The customer's own key" });
  return { ...administrator, provisioningRoleArn, keyArn };
}

async function makeKey({ kms, accountId }: Root, { alias, description }: { alias: string; description: string }): Promise<string> {
  const delegation = policy({
    Sid: "Enable IAM User Permissions",
    Effect: "Allow",
    Principal: { AWS: `arn:aws:iam::${accountId}:root` },
    Action: "kms:*",
    Resource: "*",
  });
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Description: description, Policy: delegation }));
  await kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: KeyMetadata?.KeyId }));
  return KeyMetadata?.Arn ?? "";
}

/** Statements that are somebody else's: Drawbridge must keep them word for word and in order. */
function foreignBucketPolicy(bucket: string, owner: string): string {
  const everything = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`];
  return policy(
    { Sid: "OwnerReads", Effect: "Allow", Principal: { AWS: owner }, Action: ["s3:GetObject", "s3:ListBucket"], Resource: everything },
    { Sid: "NoPlainDeletes", Effect: "Deny", Principal: "*", Action: "s3:DeleteBucket", Resource: `arn:aws:s3:::${bucket}` },
  );
}

async function seedVendor(root: Root, principal: VendorPrincipal): Promise<SandboxAccount> {
  const may: Statement[] = [{ Effect: "Allow", Action: "sts:AssumeRole", Resource: "*" }];
  const user = await makeUser(root, principal.user, may);
  if (!("role" in principal)) return user;
  const { role, sessionName, named } = principal;
  await makeRole(root, role, trust(user.principalArn), may);
  const roleArn = `arn:aws:iam::${root.accountId}:role/${role}`;
  const sessionArn = `arn:aws:sts::${root.accountId}:assumed-role/${role}/${sessionName}`;
  return { ...user, principalArn: named === "role" ? roleArn : sessionArn, assumeFirst: { roleArn, sessionName } };
}

const closedTrust: Statement = { Sid: "NotYetRegistered", Effect: "Deny", Principal: { AWS: "*" }, Action: "sts:AssumeRole" };

function trust(principal: string, externalId?: string | string[]): Statement {
  const statement: Statement = { Effect: "Allow", Principal: { AWS: principal }, Action: "sts:AssumeRole" };
  return externalId === undefined ? statement : { ...statement, Condition: { StringEquals: { "sts:ExternalId": externalId } } };
}

async function makeRole({ iam }: Root, name: string, trusted: Statement, may: Statement[]): Promise<void> {
  await iam.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: policy(trusted) }));
  await iam.send(new PutRolePolicyCommand({ RoleName: name, PolicyName: "sandbox", PolicyDocument: policy(...may) }));
}

async function trustProvisioner({ iam }: Root, service: string, externalIds: string[]): Promise<void> {
  const document = policy(trust(service, externalIds));
  await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: tenantThings.provisioningRole, PolicyDocument: document }));
}
