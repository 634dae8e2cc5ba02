import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import type { Credentials } from "../src/engine/engine.ts";
import { type SandboxAccount, sandboxRegion, type VendorName } from "./accounts.ts";
import type { SandboxAccounts } from "./seed.ts";

/** A sandbox as `startSandbox` answers it or as `sandbox.json` holds it. */
export interface Reachable {
  awsEndpoint: string;
  accounts: SandboxAccounts;
}

/** Credentials that make the caller this vendor's principal: the user's keys, or a session of the role that its guide names. */
export async function asVendor(sandbox: Reachable, vendor: VendorName): Promise<Credentials> {
  const account = sandbox.accounts[vendor];
  if (!account.assumeFirst) return keysOf(account);
  const { roleArn, sessionName } = account.assumeFirst;
  return await assumeAs(sandbox, keysOf(account), { roleArn, sessionName });
}

/** The administrator of a tenant's account. */
export function asTenantAdmin(sandbox: Reachable, tenant: "tenant" | "neighbour" = "tenant"): Credentials {
  return keysOf(sandbox.accounts[tenant]);
}

/** The administrator of an account that nobody has anything to do with. */
export function asOutsider(sandbox: Reachable): Credentials {
  return keysOf(sandbox.accounts.outsider);
}

/** Assumes a role with the given credentials and external id. Rejects with the SDK's error (`AccessDenied`) when the trust refuses. */
export async function assumeAs(
  { awsEndpoint }: Pick<Reachable, "awsEndpoint">,
  credentials: Credentials,
  { roleArn, sessionName, externalId }: { roleArn: string; sessionName: string; externalId?: string },
): Promise<Credentials> {
  const sts = new STSClient({ endpoint: awsEndpoint, region: sandboxRegion, credentials });
  const answer = await sts.send(new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: sessionName, ExternalId: externalId }));
  const made = answer.Credentials;
  if (!made?.AccessKeyId || !made.SecretAccessKey) throw new Error(`Assuming ${roleArn} gave no credentials.`);
  return {
    accessKeyId: made.AccessKeyId,
    secretAccessKey: made.SecretAccessKey,
    ...(made.SessionToken && { sessionToken: made.SessionToken }),
  };
}

function keysOf({ accessKeyId, secretAccessKey, sessionToken }: SandboxAccount): Credentials {
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
}
