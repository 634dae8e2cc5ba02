/** The real content, read as the account's administrator and the state bucket's owner, never through the service or its code. */
import path from "node:path";
import { GetRoleCommand, type IAMClient, ListRolesCommand, ListRoleTagsCommand } from "@aws-sdk/client-iam";
import { DescribeKeyCommand, type KMSClient, ListAliasesCommand, ListKeysCommand, ListResourceTagsCommand } from "@aws-sdk/client-kms";
import { GetBucketPolicyCommand, GetObjectCommand, ListObjectsV2Command, type S3Client } from "@aws-sdk/client-s3";

export interface Aws {
  iam: IAMClient;
  s3: S3Client;
  kms: KMSClient;
}

export interface Role {
  name: string;
  tags: Record<string, string>;
  trust: { Statement: { Effect: string; Condition?: { StringEquals?: Record<string, unknown> } }[] };
}

export interface Inventory {
  roles: Role[];
  keys: { id: string; state: string; tags: Record<string, string> }[];
  /** Names below `alias/drawbridge/` */
  aliases: string[];
}

const tagsOf = (tags: { Key?: string | undefined; Value?: string | undefined }[] | undefined) =>
  Object.fromEntries((tags ?? []).map(({ Key, Value }) => [Key, Value]));

/** Everything in the account with an ownership tag, and every alias in our name space. */
export async function readInventory({ iam, kms }: Aws): Promise<Inventory> {
  const roles: Role[] = [];
  for (const { RoleName } of (await iam.send(new ListRolesCommand({ MaxItems: 1000 }))).Roles ?? []) {
    const role = await readRole(iam, RoleName ?? "").catch(unlessGone);
    if (role?.tags["drawbridge:tenant"] !== undefined) roles.push(role);
  }
  const keys: Inventory["keys"] = [];
  for (const { KeyId } of (await kms.send(new ListKeysCommand({ Limit: 1000 }))).Keys ?? []) {
    const answer = await kms.send(new ListResourceTagsCommand({ KeyId }));
    const tags = Object.fromEntries((answer.Tags ?? []).map(({ TagKey, TagValue }) => [TagKey ?? "", TagValue ?? ""]));
    if (tags["drawbridge:tenant"] === undefined) continue;
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
    keys.push({ id: KeyId ?? "", state: KeyMetadata?.KeyState ?? "", tags });
  }
  const { Aliases = [] } = await kms.send(new ListAliasesCommand({ Limit: 1000 }));
  const aliases = Aliases.flatMap(({ AliasName }) => (AliasName?.startsWith("alias/drawbridge/") ? [AliasName] : []));
  return { roles, keys, aliases };
}

async function readRole(iam: IAMClient, RoleName: string): Promise<Role> {
  const [{ Tags }, { Role }] = await Promise.all([
    iam.send(new ListRoleTagsCommand({ RoleName })),
    iam.send(new GetRoleCommand({ RoleName })),
  ]);
  return { name: RoleName, tags: tagsOf(Tags), trust: JSON.parse(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? "")) };
}

/** Other operations continue during the read: a role that was listed may be gone by now, and then it doesn't count. */
function unlessGone(error: Error): undefined {
  if (error.name !== "NoSuchEntityException") throw error;
}

/** The bucket's statements: ours or foreign, by Sid prefix. */
export async function readStatements({ s3 }: Aws, bucket: string): Promise<{ ours: unknown[]; foreign: unknown[] }> {
  const policy = await s3.send(new GetBucketPolicyCommand({ Bucket: bucket })).catch((error: Error) => {
    if (error.name === "NoSuchBucketPolicy") return undefined;
    throw error;
  });
  const statements = policy?.Policy ? (JSON.parse(policy.Policy).Statement as { Sid?: string }[]) : [];
  const isOurs = ({ Sid }: { Sid?: string }) => Sid?.startsWith("Drawbridge") === true;
  return { ours: statements.filter(isOurs), foreign: statements.filter((one) => !isOurs(one)) };
}

export interface StateFacts {
  locks: string[];
  /** Stacks whose checkpoint lists a pending operation */
  pending: string[];
  /** `<tenant>/<stack>` of each checkpoint */
  stacks: string[];
  /** Keys outside `tenants/<tenant>/` */
  strays: string[];
}

/** The content of the state bucket. With `tenant`, only that tenant's locks and checkpoints. */
export async function readState({ s3 }: Aws, bucket: string, tenant?: string): Promise<StateFacts> {
  const keys: string[] = [];
  for (let token: string | undefined; ; ) {
    const page = await s3.send(new ListObjectsV2Command({ Bucket: bucket, ContinuationToken: token }));
    keys.push(...(page.Contents ?? []).map(({ Key }) => Key ?? ""));
    token = page.NextContinuationToken;
    if (token === undefined) break;
  }
  const own = keys.filter((key) => tenant === undefined || key.startsWith(`tenants/${tenant}/`));
  const checkpoints = own.filter((key) => /\/\.pulumi\/stacks\/.*\.json$/.test(key));
  const pending: string[] = [];
  for (const key of checkpoints) {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    const latest = JSON.parse((await Body?.transformToString()) ?? "{}").checkpoint?.latest;
    if ((latest?.pending_operations ?? []).length > 0) pending.push(key);
  }
  return {
    locks: own.filter((key) => key.includes("/.pulumi/locks/")),
    pending,
    stacks: checkpoints.map((key) => `${key.split("/")[1]}/${path.basename(key, ".json")}`),
    strays: keys.filter((key) => !/^tenants\/[a-z0-9-]+\//.test(key)),
  };
}
