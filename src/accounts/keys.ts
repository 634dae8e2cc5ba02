/** Finds keys of an account by their ownership tags, because AWS lets nobody choose the name of a key. */
import {
  DescribeKeyCommand,
  GetKeyRotationStatusCommand,
  type KMSClient,
  ListAliasesCommand,
  ListResourceTagsCommand,
  type ListResourceTagsCommandOutput,
  paginateListKeys,
} from "@aws-sdk/client-kms";
import { stackName } from "../../stacks/name.ts";
import { awsProblem, unlessMissing } from "./aws-problems.ts";

export interface TaggedKey {
  id: string;
  arn: string;
  enabled: boolean;
  tags: Record<string, string>;
}

const owned = Symbol("owned");

/** A key that a stack made, by its tags: only the look-ups below make one, and only one is marked, unmarked or deleted. */
export interface OwnedKey extends Readonly<TaggedKey> {
  readonly [owned]: true;
}

/** The stack that a key belongs to. */
export interface KeyOwner {
  tenant: string;
  /** The stack's key, as in `kms-key/<key>` */
  key: string;
}

const ownerTags = ({ tenant, key }: KeyOwner) => ({ "drawbridge:tenant": tenant, "drawbridge:stack": stackName("kms-key", key) });

/**
 * Every key of a stack, in a fixed order.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function findOwnedKeys(kms: KMSClient, owner: KeyOwner): Promise<OwnedKey[]> {
  const found = await findTaggedKeys(kms, ownerTags(owner));
  return found.toSorted((a, b) => a.id.localeCompare(b.id)).map((key) => ({ ...key, [owned]: true }));
}

/**
 * The key of this ARN, if it is the stack's by its tags; somebody else's is none.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function findOwnedKey(kms: KMSClient, arn: string, owner: KeyOwner): Promise<OwnedKey | undefined> {
  const look = `looking for key ${arn}`;
  const answer = await unlessMissing(kms.send(new ListResourceTagsCommand({ KeyId: arn }))).catch(awsProblem(look));
  if (answer === undefined) return undefined;
  const tags = tagsOf(answer);
  if (!carries(tags, ownerTags(owner))) return undefined;
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: arn })).catch(awsProblem(look));
  return { id: KeyMetadata?.KeyId ?? "", arn, enabled: KeyMetadata?.KeyState === "Enabled", tags, [owned]: true };
}

/** Keys looked at before the search gives up. */
const MOST_KEYS = 2_000;
const AT_ONCE = 10;

/**
 * The keys that carry all of these tags.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function findTaggedKeys(kms: KMSClient, wanted: Record<string, string>): Promise<TaggedKey[]> {
  const ids: string[] = [];
  const found: TaggedKey[] = [];
  const read = async () => {
    for await (const page of paginateListKeys({ client: kms, pageSize: 1000 }, {})) {
      ids.push(...(page.Keys ?? []).map((key) => key.KeyId ?? ""));
      if (ids.length >= MOST_KEYS) break;
    }
    for (let start = 0; start < ids.length; start += AT_ONCE) {
      const some = await Promise.all(ids.slice(start, start + AT_ONCE).map((id) => keyIfTagged(kms, id, wanted)));
      found.push(...some.filter((key): key is TaggedKey => key !== undefined));
    }
  };
  await read().catch(awsProblem("looking for keys by their tags"));
  return found;
}

const tagsOf = (answer: ListResourceTagsCommandOutput | undefined): Record<string, string> =>
  Object.fromEntries((answer?.Tags ?? []).map((tag) => [tag.TagKey ?? "", tag.TagValue ?? ""]));

const carries = (tags: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean =>
  Object.entries(wanted).every(([key, value]) => tags[key] === value);

async function keyIfTagged(kms: KMSClient, id: string, wanted: Record<string, string>): Promise<TaggedKey | undefined> {
  // AWS's own keys refuse this call; they are never ours.
  const answer = await kms.send(new ListResourceTagsCommand({ KeyId: id })).catch((error: Error) => {
    if (/AccessDenied/.test(error.name)) return undefined;
    throw error;
  });
  const tags = tagsOf(answer);
  if (!carries(tags, wanted)) return undefined;
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: id }));
  return { id, arn: KeyMetadata?.Arn ?? "", enabled: KeyMetadata?.KeyState === "Enabled", tags };
}

/**
 * The aliases that lead to a key, `alias/…` each.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function aliasesOfKey(kms: KMSClient, keyId: string): Promise<string[]> {
  const { Aliases = [] } = await kms
    .send(new ListAliasesCommand({ KeyId: keyId }))
    .catch(awsProblem(`reading the aliases of key ${keyId}`));
  return Aliases.map((alias) => alias.AliasName ?? "");
}

/**
 * What stands beside a key of ours rather than in it: the aliases that lead to it and whether it is rotated. Both are undefined
 * when there is no such key.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function readKeySettings(kms: KMSClient, arn: string): Promise<{ arn: string; aliases?: string[]; rotated?: boolean }> {
  const [aliases, rotation] = await Promise.all([
    unlessMissing(kms.send(new ListAliasesCommand({ KeyId: arn }))),
    unlessMissing(kms.send(new GetKeyRotationStatusCommand({ KeyId: arn }))),
  ]).catch(awsProblem(`reading the settings of key ${arn}`));
  if (!aliases || !rotation) return { arn };
  return { arn, aliases: (aliases.Aliases ?? []).map((alias) => alias.AliasName ?? ""), rotated: rotation.KeyRotationEnabled === true };
}
