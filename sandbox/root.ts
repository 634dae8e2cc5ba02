import { AttachUserPolicyCommand, CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from "@aws-sdk/client-iam";
import { KMSClient } from "@aws-sdk/client-kms";
import { S3Client } from "@aws-sdk/client-s3";
import type { Statement } from "../src/iam/words/policy-document.ts";
import { type AccountName, accountIds, type SandboxAccount, sandboxRegion } from "./accounts.ts";

/** Clients that act as an account's root: the emulator takes a 12-digit access key for it. Only seeding may do that. */
export interface Root {
  accountId: string;
  iam: IAMClient;
  s3: S3Client;
  kms: KMSClient;
}

export function rootOf(endpoint: string, name: AccountName): Root {
  const accountId = accountIds[name];
  const shared = { endpoint, region: sandboxRegion, credentials: { accessKeyId: accountId, secretAccessKey: "unchecked" } };
  return { accountId, iam: new IAMClient(shared), s3: new S3Client({ ...shared, forcePathStyle: true }), kms: new KMSClient(shared) };
}

/** A policy document as text. */
export function policy(...statements: Statement[]): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: statements });
}

/** Makes an IAM user with one inline policy, or an administrator, and an access key. */
export async function makeUser({ iam, accountId }: Root, name: string, may: Statement[] | "everything"): Promise<SandboxAccount> {
  const { User } = await iam.send(new CreateUserCommand({ UserName: name }));
  if (may === "everything") {
    await iam.send(new AttachUserPolicyCommand({ UserName: name, PolicyArn: "arn:aws:iam::aws:policy/AdministratorAccess" }));
  } else {
    await iam.send(new PutUserPolicyCommand({ UserName: name, PolicyName: "sandbox", PolicyDocument: policy(...may) }));
  }
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: name }));
  if (!User?.Arn || !AccessKey?.AccessKeyId || !AccessKey.SecretAccessKey) throw new Error(`The emulator made no key for ${name}.`);
  return {
    accountId,
    region: sandboxRegion,
    principalArn: User.Arn,
    accessKeyId: AccessKey.AccessKeyId,
    secretAccessKey: AccessKey.SecretAccessKey,
  };
}
