/** Finds what is left of an integration in an account, by name and by tag, and never by our own records of state. */
import { GetRoleCommand, type IAMClient, ListRoleTagsCommand, paginateListRoles } from "@aws-sdk/client-iam";
import { DescribeKeyCommand } from "@aws-sdk/client-kms";
import { stackName } from "../../stacks/name.ts";
import type { KmsGrantsInputs } from "../../stacks/stack.ts";
import { readDocument } from "../iam/words/policy-document.ts";
import { sidPrefix } from "../iam/words/sid.ts";
import type { TenantRecord } from "../model/tenant.ts";
import { awsProblem, unlessMissing } from "./aws-problems.ts";
import type { AccountClients } from "./clients.ts";
import { findTaggedKeys } from "./keys.ts";
import { readBucketPolicy, readKeyPolicyText } from "./live-documents.ts";

export interface Owner {
  tenant: Pick<TenantRecord, "name" | "accountId">;
  integration: string;
}

/** A role of the integration's as its stacks recorded it. */
export interface OwnRole {
  arn: string;
  /** `AROA…`; not known of one whose update never ended */
  uniqueId?: string;
}

const owned = Symbol("owned");

/** A role that is the integration's by its tags or its unique id: only the look-up below makes one, and only one is closed or cut off. */
export interface OwnedRole {
  readonly [owned]: true;
  readonly name: string;
  readonly arn: string;
}

type Tags = { Key?: string | undefined; Value?: string | undefined }[];

const tagMap = (tags: Tags | undefined): Record<string, string> =>
  Object.fromEntries((tags ?? []).map((tag) => [tag.Key ?? "", tag.Value ?? ""]));

/** The role that exists under a name of the integration's. `foreign`: neither tags nor unique id say that it is the integration's. */
export type NamedRole = { standing: "ours"; role: OwnedRole } | { standing: "foreign"; arn: string } | { standing: "absent" };

/**
 * Looks for a role by its name. It is the integration's if it carries the ownership tags, or if its unique id is the recorded one: AWS
 * gives an id to one role only (IAM user guide, "IAM identifiers"), so a role that lost its tags is still known.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function findNamedRole(iam: IAMClient, { name, uniqueId }: RoleToFind, owner: Owner): Promise<NamedRole> {
  const found = await unlessMissing(iam.send(new GetRoleCommand({ RoleName: name }))).catch(awsProblem(`looking for role ${name}`));
  const arn = found?.Role?.Arn;
  if (arn === undefined) return { standing: "absent" };
  const isOurs = carriesOwner(tagMap(found?.Role?.Tags), owner) || (uniqueId !== undefined && found?.Role?.RoleId === uniqueId);
  return isOurs ? { standing: "ours", role: { [owned]: true, name, arn } } : { standing: "foreign", arn };
}

/** A role to look for; `uniqueId` (`AROA…`) as the last update recorded it, where one did. */
export interface RoleToFind {
  name: string;
  uniqueId?: string;
}

/**
 * The role of this name, if it carries the integration's ownership tags; a role of somebody else is none.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function ownedRole(iam: IAMClient, name: string, owner: Owner): Promise<OwnedRole | undefined> {
  const found = await findNamedRole(iam, { name }, owner);
  return found.standing === "ours" ? found.role : undefined;
}

const adoptable = Symbol("adoptable");

/** A role that an integration may take over: only the look-up below makes one, and only one is marked as ours. */
export interface AdoptableRole {
  readonly [adoptable]: true;
  readonly name: string;
}

/**
 * The role of this name, unless its tags say that it is another tenant's or integration's; undefined where there is none that may be taken.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function findAdoptableRole(iam: IAMClient, name: string, { tenant, integration }: Owner): Promise<AdoptableRole | undefined> {
  const found = await unlessMissing(iam.send(new GetRoleCommand({ RoleName: name }))).catch(awsProblem(`looking for role ${name}`));
  if (found?.Role === undefined) return undefined;
  const tags = tagMap(found.Role.Tags);
  const isFree =
    (tags["drawbridge:tenant"] ?? tenant.name) === tenant.name && (tags["drawbridge:integration"] ?? integration) === integration;
  return isFree ? { [adoptable]: true, name } : undefined;
}

/** Whether a resource's tags say that it is the integration's. Pure. */
export function carriesOwner(
  tags: Readonly<Record<string, string>>,
  { tenant, integration }: { tenant: Pick<Owner["tenant"], "name">; integration: string },
): boolean {
  return tags["drawbridge:tenant"] === tenant.name && tags["drawbridge:integration"] === integration;
}

/**
 * Our statements in the policy of a bucket that ought to hold none.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function bucketStatementsLeft({ s3 }: AccountClients, { tenant, integration }: Owner, bucket: string): Promise<string[]> {
  const policy = await readBucketPolicy(s3, bucket, tenant.accountId);
  const prefix = sidPrefix(tenant.name, integration);
  return (policy?.Statement ?? []).flatMap(({ Sid }) => (Sid?.startsWith(prefix) ? [`arn:aws:s3:::${bucket} statement ${Sid}`] : []));
}

/** Our statements in the policy of a key that ought to hold none; it is read only where we ever wrote into it. */
export async function keyStatementsLeft(
  { kms }: AccountClients,
  { tenant, integration }: Owner,
  inputs: KmsGrantsInputs,
): Promise<string[]> {
  if (inputs.statements === undefined) return [];
  const policy = readDocument(await readKeyPolicyText(kms, inputs.existingKeyArn));
  const prefix = sidPrefix(tenant.name, integration);
  return policy.Statement.flatMap(({ Sid }) => (Sid?.startsWith(prefix) ? [`${inputs.existingKeyArn} statement ${Sid}`] : []));
}

/** The alias, while it leads to a key. */
export async function aliasLeft({ kms }: AccountClients, alias: string): Promise<string[]> {
  const found = await unlessMissing(kms.send(new DescribeKeyCommand({ KeyId: alias }))).catch(awsProblem(`looking for ${alias}`));
  return found ? [alias] : [];
}

/** Keys of a stack that nobody marked as retained. */
export async function keysLeft({ kms }: AccountClients, { tenant }: Owner, key: string): Promise<string[]> {
  const found = await findTaggedKeys(kms, { "drawbridge:tenant": tenant.name, "drawbridge:stack": stackName("kms-key", key) });
  return found.filter(({ tags }) => tags["drawbridge:retained"] === undefined).map(({ arn }) => arn);
}

/** Roles whose tags are read side by side. */
const AT_ONCE = 10;

/** Clocks differ: AWS may say that a role was made shortly before we asked for it. */
const CLOCK_MARGIN = 300_000;

/**
 * Every role and key with the ownership tags of a tenant, or of one of its integrations, whatever its name; keys that are marked as
 * retained don't count. Only roles made after `since` (RFC 3339) are asked for their tags: a list shows none (IAM API reference,
 * "ListRoles").
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function taggedSurvivors(
  clients: AccountClients,
  { tenant, integration, since, keys }: { tenant: string; integration?: string; since: string; keys: boolean },
): Promise<string[]> {
  const wanted = { "drawbridge:tenant": tenant, ...(integration !== undefined && { "drawbridge:integration": integration }) };
  const roles = await taggedRoles(clients.iam, wanted, Date.parse(since) - CLOCK_MARGIN).catch(
    awsProblem("looking for roles by their tags"),
  );
  if (!keys) return roles;
  const found = await findTaggedKeys(clients.kms, wanted);
  return [...roles, ...found.filter(({ tags }) => tags["drawbridge:retained"] === undefined).map(({ arn }) => arn)];
}

async function taggedRoles(iam: IAMClient, wanted: Record<string, string>, since: number): Promise<string[]> {
  const candidates: { name: string; arn: string }[] = [];
  for await (const page of paginateListRoles({ client: iam, pageSize: 1000 }, {})) {
    for (const { RoleName, Arn, CreateDate } of page.Roles ?? []) {
      if (RoleName && Arn && (CreateDate?.getTime() ?? 0) >= since) candidates.push({ name: RoleName, arn: Arn });
    }
  }
  const found: string[] = [];
  for (let start = 0; start < candidates.length; start += AT_ONCE) {
    const some = candidates.slice(start, start + AT_ONCE).map(async ({ name, arn }) => {
      const answer = await unlessMissing(iam.send(new ListRoleTagsCommand({ RoleName: name, MaxItems: 50 })));
      const tags = tagMap(answer?.Tags);
      return Object.entries(wanted).every(([key, value]) => tags[key] === value) ? [arn] : [];
    });
    found.push(...(await Promise.all(some)).flat());
  }
  return found;
}
