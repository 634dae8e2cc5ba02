/**
 * What an interrupted run may have made without writing it into state: looked up by the names and ownership tags that we gave, and
 * taken in. Never trusted to the list of pending operations alone: a reply that was lost leaves no pending create either.
 */
import { stackName } from "../../../stacks/name.ts";
import type { StackSpec } from "../../../stacks/stack.ts";
import { tagRetained } from "../../accounts/actions.ts";
import { ownedRole } from "../../accounts/inventory.ts";
import { aliasesOfKey, findTaggedKeys, type TaggedKey } from "../../accounts/keys.ts";
import type { StackState } from "../../engine/engine.ts";
import type { IntegrationRecord, RecordedStack } from "../../model/integration.ts";
import { ProblemError } from "../../problem.ts";
import { changeIntegration } from "../../store/integrations.ts";
import type { Work } from "../work.ts";
import { isOwnedKey } from "./keys.ts";

export interface Found {
  /** Provider ids by logical name: what is there and not in state. */
  adopt: Record<string, string>;
  /** The state that was read; undefined where there is none. */
  state?: StackState;
  /** The state was put back from an older version, so that it may be behind the cloud. */
  restored: boolean;
}

/**
 * Reads a stack's state, put right where it was damaged, and finds what exists beside it. A stack of which nothing was ever recorded
 * can't have left anything, and costs no call.
 *
 * @throws ProblemError state_damaged when a stack that was up has neither state nor resources any more, or no readable version
 */
export async function lookBefore(work: Work, spec: StackSpec, before: RecordedStack | undefined): Promise<Found> {
  if (before === undefined) return { adopt: {}, restored: false };
  const { shell, run, account } = work;
  const { state, restored } = await shell.engine.soundState(before.address, account.state);
  if (restored) await run.progress("state-restored", { stack: before.address.stack });
  const adopt = await existing(work, spec, new Set(state?.resources.map(({ name }) => name)));
  if (Object.keys(adopt).length > 0) await run.progress("taken-in", { stack: before.address.stack, resources: adopt });
  return { adopt, restored, ...(state && { state }) };
}

/**
 * Refuses to make anew what our record says is there: state that vanished isn't a stack that never was.
 *
 * @throws ProblemError state_damaged
 */
export function refuseVanished(spec: StackSpec, before: RecordedStack | undefined, { state, adopt }: Found): void {
  const hadMain = before?.outputs !== undefined && (spec.kind === "role" || isOwnedKey(spec));
  if (!hadMain || state !== undefined || Object.keys(adopt).length > 0) return;
  throw new ProblemError(
    "state_damaged",
    `The state of stack ${before.address.stack} is gone from the bucket, no version of it is left, and the account doesn't hold what it made. Put a copy of the state back, or DELETE the integration and make it again.`,
  );
}

async function existing(work: Work, spec: StackSpec, held: ReadonlySet<string>): Promise<Record<string, string>> {
  const { account, integration } = work;
  if (spec.kind === "role") {
    if (held.has("role")) return {};
    const owned = await ownedRole(account.clients.iam, spec.inputs.name, { tenant: account.tenant, integration });
    return owned === undefined ? {} : { role: spec.inputs.name };
  }
  if (!isOwnedKey(spec) || "existingKeyArn" in spec.inputs || (held.has("key") && held.has("alias"))) return {};
  const { alias } = spec.inputs;
  const keys = await keysOfStack(work, spec.key);
  const withAlias = await firstAsync(keys, async (key) => (await aliasesOfKey(work.account.clients.kms, key.id)).includes(alias));
  const key = withAlias ?? keys.find(({ tags, enabled }) => enabled && tags["drawbridge:retained"] === undefined);
  if (!held.has("key") && key) await retainOthers(work, spec, keys, key);
  return { ...(key && !held.has("key") && { key: key.id }), ...(withAlias && !held.has("alias") && { alias }) };
}

/** Every key that carries the stack's tags, in a fixed order. */
export async function keysOfStack({ account }: Work, key: string): Promise<TaggedKey[]> {
  const tags = { "drawbridge:tenant": account.tenant.name, "drawbridge:stack": stackName("kms-key", key) };
  return (await findTaggedKeys(account.clients.kms, tags)).toSorted((a, b) => a.id.localeCompare(b.id));
}

async function firstAsync<T>(items: readonly T[], test: (item: T) => Promise<boolean>): Promise<T | undefined> {
  for (const item of items) if (await test(item)) return item;
  return undefined;
}

type OwnedKeySpec = Extract<StackSpec, { kind: "kms-key" }>;

/** A lost reply to CreateKey makes the caller create once more: AWS takes no token for it. No key is deleted unasked, so it is kept and named. */
async function retainOthers(work: Work, spec: OwnedKeySpec, keys: readonly TaggedKey[], kept: TaggedKey): Promise<void> {
  const others = keys.filter((key) => key.id !== kept.id && key.tags["drawbridge:retained"] === undefined);
  await retain(work, spec, others, "A second key from a create whose answer was lost. Delete it by name once you know that it is unused.");
}

/**
 * Tags keys as retained and writes them down in the record that outlives the integration.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
export async function retain(work: Work, spec: OwnedKeySpec, keys: readonly TaggedKey[], why: string): Promise<void> {
  const { shell, run, account, integration } = work;
  if (keys.length === 0 || "existingKeyArn" in spec.inputs) return;
  const { alias } = spec.inputs;
  const since = shell.now();
  for (const { arn, tags } of keys) {
    if (tags["drawbridge:retained"] === undefined) await tagRetained(account.clients.kms, arn, since);
  }
  const arns = new Set(keys.map(({ arn }) => arn));
  const added = keys.map(({ arn, tags }) => ({ key: spec.key, keyArn: arn, alias, since: tags["drawbridge:retained"] ?? since, why }));
  const withThem = (record: IntegrationRecord) => ({
    ...record,
    retained: [...(record.retained ?? []).filter((one) => !arns.has(one.keyArn)), ...added],
  });
  await changeIntegration(shell.store.db, account.tenant.name, integration, withThem, run);
}
