/**
 * What AWS would ask IAM about a call: actions, resources and condition keys. Source: service authorization reference, the tables of
 * IAM, KMS and S3; the tags of a thing that is there are read from it right before the call.
 */
import type { IncomingMessage } from "node:http";
import { GetRoleCommand } from "@aws-sdk/client-iam";
import { DescribeKeyCommand, GetKeyPolicyCommand, ListAliasesCommand, ListResourceTagsCommand } from "@aws-sdk/client-kms";
import type { Root } from "../../sandbox/root.ts";
import { evaluate } from "../../src/iam/evaluate/evaluate.ts";
import { readDocument } from "../../src/iam/words/policy-document.ts";

export interface IamRequest {
  action: string;
  resource: string;
  /** `[]` where the key is surely absent */
  context: Record<string, string | string[]>;
}

/** One question, and whether a key's own policy already answers it by naming the role: then it's no matter of the role's policies. */
export interface Question extends IamRequest {
  byKey?: boolean;
}

type Tags = Record<string, string>;
type Context = IamRequest["context"];

const tenantTag = "aws:ResourceTag/drawbridge:tenant";
const requested = (tags: Tags): Context => ({
  ...Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value])),
  "aws:TagKeys": Object.keys(tags),
});
const carried = (tags: Tags): Context => ({
  [tenantTag]: [],
  ...Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:ResourceTag/${key}`, value])),
});

/** The questions of one call; none for GetCallerIdentity, which needs no permission. */
export async function iamRequests(root: Root, service: string, request: IncomingMessage, body: Buffer): Promise<Question[]> {
  if (service === "sts") return [];
  if (service === "iam") return ofIam(root, new URLSearchParams(body.toString()));
  if (service === "kms") {
    const name = String(request.headers["x-amz-target"]).split(".").at(-1) ?? "";
    return ofKms(root, name, JSON.parse(body.toString() || "{}") as KmsBody);
  }
  return ofS3(root, request);
}

async function ofIam(root: Root, query: URLSearchParams): Promise<IamRequest[]> {
  const name = query.get("Action") ?? "";
  const role = query.get("RoleName");
  const policyArn = query.get("PolicyArn");
  if (role === null) return [{ action: `iam:${name}`, resource: policyArn ?? "*", context: {} }];
  const resource = `arn:aws:iam::${root.accountId}:role/${role}`;
  const live = await root.iam.send(new GetRoleCommand({ RoleName: role })).catch(() => undefined);
  const tags = Object.fromEntries((live?.Role?.Tags ?? []).map(({ Key, Value }) => [Key ?? "", Value ?? ""]));
  const wanted = members(query, "Tags.member", "Key", "Value");
  const keys = [...query].filter(([key]) => key.startsWith("TagKeys.member.")).map(([, value]) => value);
  const boundary = query.get("PermissionsBoundary") ?? live?.Role?.PermissionsBoundary?.PermissionsBoundaryArn;
  const context: Context = {
    ...carried(tags),
    ...requested(wanted),
    ...(keys.length > 0 && { "aws:TagKeys": keys }),
    "iam:PermissionsBoundary": boundary ?? [],
    ...(policyArn !== null && { "iam:PolicyARN": policyArn }),
  };
  const one = { action: `iam:${name}`, resource, context };
  const tagged = name === "CreateRole" && Object.keys(wanted).length > 0;
  return tagged ? [one, { action: "iam:TagRole", resource, context }] : [one];
}

function members(query: URLSearchParams, list: string, key: string, value: string): Tags {
  const tags: Tags = {};
  for (let index = 1; ; index++) {
    const name = query.get(`${list}.${index}.${key}`);
    if (name === null) return tags;
    tags[name] = query.get(`${list}.${index}.${value}`) ?? "";
  }
}

interface KmsBody {
  KeyId?: string;
  TargetKeyId?: string;
  AliasName?: string;
  Tags?: { TagKey: string; TagValue: string }[];
  TagKeys?: string[];
  Operations?: string[];
}

async function ofKms(root: Root, name: string, body: KmsBody): Promise<Question[]> {
  const arn = (resource: string) => `arn:aws:kms:us-east-1:${root.accountId}:${resource}`;
  const action = `kms:${name}`;
  const wanted = Object.fromEntries((body.Tags ?? []).map(({ TagKey, TagValue }) => [TagKey, TagValue]));
  if (name === "CreateKey") {
    const context = { ...carried({}), ...requested(wanted), "kms:ResourceAliases": [] };
    const tagging = { action: "kms:TagResource", resource: arn("key/00000000-0000-4000-8000-000000000000"), context };
    return [{ action, resource: "*", context }, ...(body.Tags ? [tagging] : [])];
  }
  if (name === "ListKeys" || name === "ListAliases") return [{ action, resource: "*", context: {} }];
  const context: Context = {
    ...requested(wanted),
    ...(body.TagKeys && { "aws:TagKeys": body.TagKeys }),
    ...(body.Operations && { "kms:GrantOperations": body.Operations }),
  };
  const keys = new Set([body.KeyId, body.TargetKeyId, body.AliasName && !body.TargetKeyId ? body.AliasName : undefined]);
  if (name === "UpdateAlias") keys.add(body.AliasName);
  const onKeys = [...keys].filter((id) => id !== undefined).map(async (id) => ({ action, ...(await keyOf(root, action, id)) }));
  const found = (await Promise.all(onKeys)).map((one) => ({ ...one, context: { ...one.context, ...context } }));
  return body.AliasName === undefined ? found : [{ action, resource: arn(body.AliasName), context: {} }, ...found];
}

/** A key by whatever names it; one that isn't there is asked about by the name given. */
async function keyOf({ kms, accountId }: Root, action: string, id: string): Promise<Omit<Question, "action">> {
  const described = await kms.send(new DescribeKeyCommand({ KeyId: id })).catch(() => undefined);
  const resource = described?.KeyMetadata?.Arn;
  if (resource === undefined) return { resource: `arn:aws:kms:us-east-1:${accountId}:${id}`, context: carried({}) };
  const [{ Policy }, { Tags = [] }, { Aliases = [] }] = await Promise.all([
    kms.send(new GetKeyPolicyCommand({ KeyId: resource })),
    kms.send(new ListResourceTagsCommand({ KeyId: resource })),
    kms.send(new ListAliasesCommand({ KeyId: resource })),
  ]);
  const tags = Object.fromEntries(Tags.map(({ TagKey, TagValue }) => [TagKey ?? "", TagValue ?? ""]));
  const principal = `arn:aws:sts::${accountId}:assumed-role/DrawbridgeProvisioning/op`;
  const keyPolicy = { name: "key", document: readDocument(Policy) };
  const byKey = evaluate({ principal, action, resource, context: {} }, { identity: [], keyPolicy }).decision === "allowed";
  return { resource, byKey, context: { ...carried(tags), "kms:ResourceAliases": Aliases.map(({ AliasName }) => AliasName ?? "") } };
}

const s3Actions: Record<string, string> = {
  "HEAD ": "s3:ListBucket",
  "GET policy": "s3:GetBucketPolicy",
  "PUT policy": "s3:PutBucketPolicy",
  "DELETE policy": "s3:DeleteBucketPolicy",
  "GET encryption": "s3:GetEncryptionConfiguration",
  "PUT encryption": "s3:PutEncryptionConfiguration",
  "DELETE encryption": "s3:PutEncryptionConfiguration",
  "GET ownershipControls": "s3:GetBucketOwnershipControls",
  "GET publicAccessBlock": "s3:GetBucketPublicAccessBlock",
};

function ofS3(root: Root, request: IncomingMessage): IamRequest[] {
  const url = new URL(request.url ?? "/", "http://s3");
  const [bucket = "", ...key] = url.pathname.slice(1).split("/");
  const what = [...url.searchParams.keys()].find((name) => name !== "x-id") ?? "";
  const action = key.join("/") === "" ? s3Actions[`${request.method} ${what}`] : undefined;
  const unknown = `${request.method} ${url.pathname}?${what}`;
  return [{ action: action ?? unknown, resource: `arn:aws:s3:::${bucket}`, context: { "aws:ResourceAccount": root.accountId } }];
}
