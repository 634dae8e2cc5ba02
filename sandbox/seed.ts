import { CreateRoleCommand, PutRolePolicyCommand, UpdateAssumeRolePolicyCommand } from "@aws-sdk/client-iam";
import { CreateAliasCommand, CreateKeyCommand } from "@aws-sdk/client-kms";
import { CreateBucketCommand, PutBucketPolicyCommand, PutBucketVersioningCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import type { Statement } from "../src/iam/policy-document.ts";
import { type AccountName, platformThings, type SandboxAccount, tenantThings, type VendorPrincipal, vendorPrincipals } from "./accounts.ts";
import { provisioningStatements } from "./provisioning-policy.ts";
import { makeUser, policy, type Root, rootOf } from "./root.ts";

export type SandboxAccounts = Record<AccountName, SandboxAccount>;

/** What the service's side of the seeded AWS is called. */
export interface Seeded {
  accounts: SandboxAccounts;
  stateRoleArn: string;
  /** Opens a tenant's provisioning role to the service's user, under the external id that the service answered when the tenant was registered. */
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
  const sessionArn = `arn:aws:sts::${root.accountId}:assumed-role/${role}/${sessionName}`;
  return { ...user, principalArn: named === "role" ? roleArn : sessionArn, assumeFirst: { roleArn, sessionName } };
}

const closedTrust: Statement = { Sid: "NotYetRegistered", Effect: "Deny", Principal: { AWS: "*" }, Action: "sts:AssumeRole" };

function trust(principal: string, externalId?: string): Statement {
  const statement: Statement = { Effect: "Allow", Principal: { AWS: principal }, Action: "sts:AssumeRole" };
  return externalId === undefined ? statement : { ...statement, Condition: { StringEquals: { "sts:ExternalId": externalId } } };
}

async function makeRole({ iam }: Root, name: string, trusted: Statement, may: Statement[]): Promise<void> {
  await iam.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: policy(trusted) }));
  await iam.send(new PutRolePolicyCommand({ RoleName: name, PolicyName: "sandbox", PolicyDocument: policy(...may) }));
}

async function trustProvisioner({ iam }: Root, service: string, externalId: string): Promise<void> {
  const document = policy(trust(service, externalId));
  await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: tenantThings.provisioningRole, PolicyDocument: document }));
}
