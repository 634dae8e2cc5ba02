/** Entering a tenant's account: assume the provisioning role, learn whose account it is, and prove that the role is closed to others. */
import { randomBytes } from "node:crypto";
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import type { Credentials } from "../engine/engine.ts";
import type { TenantRecord } from "../model/tenant.ts";
import { ProblemError } from "../problem.ts";
import { awsProblem } from "./aws-problems.ts";
import type { AwsReach } from "./clients.ts";

/** The least and the most that AWS gives (STS API reference, AssumeRole; role chaining ends at an hour). */
const LEAST_SECONDS = 900;
const MOST_SECONDS = 3600;
/** Beyond the operation's deadline: an interrupted update is given a minute to end. */
const MARGIN_SECONDS = 120;

/**
 * How long a session for one operation lives: to the operation's end and little more, because a successor on another host waits for it
 * (docs/adr/0070). Seconds. Pure.
 */
export function sessionSeconds(operationSeconds: number): number {
  return Math.min(MOST_SECONDS, Math.max(LEAST_SECONDS, operationSeconds + MARGIN_SECONDS));
}

export interface Sts {
  /**
   * Credentials for the tenant's account, valid for the length of an operation. `insists`: also when the role has refused so
   * often that it is left alone for now (circuit.ts).
   *
   * @throws ProblemError account_unreachable, account_mismatch, access_mode_disabled, provisioning_role_open
   */
  enterAccount(tenant: TenantRecord, sessionName: string, options?: { insists?: boolean }): Promise<Credentials>;
  /** Credentials for the tenant's prefix of the state bucket. */
  stateCredentials(tenant: string, sessionName: string): Promise<Credentials>;
  /** The service's own account and principal. */
  identity(): Promise<{ accountId: string; arn: string }>;
}

interface StsOptions extends AwsReach {
  region: string;
  ownCredentials: boolean;
  stateUrl: string;
  stateRoleArn?: string;
  operationSeconds: number;
}

/** The service's door to STS, with the credentials of the process's default chain. */
export function createSts(options: StsOptions): Sts {
  const client = new STSClient({ region: options.region, maxAttempts: 4, ...(options.endpoint && { endpoint: options.endpoint }) });
  const seconds = sessionSeconds(options.operationSeconds);
  const probed = new Map<string, Promise<void>>();

  /** Once a day per role and id: AWS's guide on the confused deputy asks to try the role without its id before trusting it. */
  const probeOnce = (tenant: TenantRecord, roleArn: string): Promise<void> => {
    const key = [roleArn, tenant.provisioningExternalId, new Date().toISOString().slice(0, 10)].join(" ");
    const probe = probed.get(key) ?? refuseOpenRole(client, roleArn);
    probed.set(key, probe);
    probe.catch(() => probed.delete(key));
    return probe;
  };

  const enterAccount = async (tenant: TenantRecord, sessionName: string): Promise<Credentials> => {
    if (tenant.access.mode === "hand-off") {
      throw new ProblemError(
        "account_unreachable",
        `Tenant ${tenant.name} is hand-off: Drawbridge never calls its account. Use the hand-off documents.`,
      );
    }
    if (tenant.access.mode === "own-credentials") {
      if (!options.ownCredentials)
        throw new ProblemError(
          "access_mode_disabled",
          "own-credentials is switched off. Set DRAWBRIDGE_OWN_CREDENTIALS=true or register a provisioning role.",
        );
      const credentials = await ownCredentials(client);
      await expectAccount(options, credentials, tenant);
      return credentials;
    }
    const { roleArn } = tenant.access;
    const credentials = await assume(client, { roleArn, sessionName, seconds, externalId: tenant.provisioningExternalId });
    await Promise.all([expectAccount(options, credentials, tenant), probeOnce(tenant, roleArn)]);
    return credentials;
  };

  const stateCredentials = async (tenant: string, sessionName: string): Promise<Credentials> => {
    if (!options.stateRoleArn) return ownCredentials(client);
    return assume(client, { roleArn: options.stateRoleArn, sessionName, seconds, policy: statePolicy(options.stateUrl, tenant) });
  };

  const identity = async () => {
    const answer = await client.send(new GetCallerIdentityCommand({}));
    return { accountId: answer.Account ?? "", arn: answer.Arn ?? "" };
  };

  return { enterAccount, stateCredentials, identity };
}

async function ownCredentials(client: STSClient): Promise<Credentials> {
  const { accessKeyId, secretAccessKey, sessionToken } = await client.config.credentials();
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
}

/** What the trust or the credentials are to blame for; anything else may pass by itself. */
function isRefusal({ name }: Error): boolean {
  return /AccessDenied|Forbidden|ExpiredToken|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|NoSuchEntity|Credentials/.test(
    name,
  );
}

interface Assumption {
  roleArn: string;
  sessionName: string;
  seconds: number;
  externalId?: string;
  policy?: string;
}

async function assume(client: STSClient, { roleArn, sessionName, seconds, externalId, policy }: Assumption): Promise<Credentials> {
  const command = new AssumeRoleCommand({
    RoleArn: roleArn,
    RoleSessionName: sessionName,
    ExternalId: externalId,
    Policy: policy,
    DurationSeconds: seconds,
  });
  const answer = await client.send(command).catch((error: Error) => {
    if (!isRefusal(error)) return awsProblem(`assuming ${roleArn}`)(error);
    throw new ProblemError(
      "account_unreachable",
      `Assuming ${roleArn} was refused. Check that its trust names the service's principal and the external id shown under the tenant's \`provisioning\`.`,
      { cause: error.name },
    );
  });
  const made = answer.Credentials;
  if (!made?.AccessKeyId || !made.SecretAccessKey)
    throw new ProblemError("account_unreachable", `Assuming ${roleArn} gave no credentials.`);
  return {
    accessKeyId: made.AccessKeyId,
    secretAccessKey: made.SecretAccessKey,
    ...(made.SessionToken && { sessionToken: made.SessionToken }),
  };
}

/** The role must refuse us when we come with no id and with a wrong one; otherwise anybody whom we serve could be led into it. */
async function refuseOpenRole(client: STSClient, roleArn: string): Promise<void> {
  for (const externalId of [undefined, `probe-${randomBytes(12).toString("hex")}`]) {
    const probe = new AssumeRoleCommand({
      RoleArn: roleArn,
      RoleSessionName: "drawbridge-probe",
      ExternalId: externalId,
      DurationSeconds: 900,
    });
    const opened = await client.send(probe).then(
      () => true,
      (error: Error) => {
        if (/AccessDenied/.test(error.name)) return false;
        throw new ProblemError("account_unreachable", `Probing ${roleArn} didn't end in a clear refusal. Try again.`, {
          cause: error.name,
        });
      },
    );
    if (opened) {
      const how = externalId === undefined ? "without an external id" : "with a wrong external id";
      throw new ProblemError(
        "provisioning_role_open",
        `${roleArn} can be assumed ${how}. Require sts:ExternalId with StringEquals in its trust policy.`,
      );
    }
  }
}

async function expectAccount(options: StsOptions, credentials: Credentials, tenant: TenantRecord): Promise<void> {
  const entered = new STSClient({
    region: tenant.region,
    credentials,
    maxAttempts: 4,
    ...(options.endpoint && { endpoint: options.endpoint }),
  });
  const { Account } = await entered.send(new GetCallerIdentityCommand({}));
  if (Account === tenant.accountId) return;
  throw new ProblemError(
    "account_mismatch",
    `The credentials for tenant ${tenant.name} belong to account ${Account}, not ${tenant.accountId}. Register the role of the right account.`,
  );
}

/** A session policy that confines an operation to its tenant's prefix of the state bucket. */
function statePolicy(stateUrl: string, tenant: string): string {
  const { host: bucket, pathname } = new URL(stateUrl);
  const prefix = `${pathname.replace(/^\/+|\/+$/g, "")}/tenants/${tenant}`.replace(/^\/+/, "");
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Action: ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject"],
        Resource: `arn:aws:s3:::${bucket}/${prefix}/*`,
      },
      {
        Effect: "Allow",
        Action: ["s3:ListBucket", "s3:ListBucketVersions"],
        Resource: `arn:aws:s3:::${bucket}`,
        Condition: { StringLike: { "s3:prefix": [prefix, `${prefix}/*`] } },
      },
      { Effect: "Allow", Action: ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey"], Resource: "*" },
    ],
  });
}
