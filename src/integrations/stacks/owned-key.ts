/** Stacks of the kind `kms-key` that make a key. The key is retained when the stack goes, and a later stack adopts it. */
import type { KmsKeyInputs, OwnedKeySpec, StackSpec } from "../../../stacks/stack.ts";
import { clearRetained, tagRetained } from "../../accounts/actions.ts";
import { aliasLeft, keysLeft } from "../../accounts/inventory.ts";
import { aliasesOfKey, findOwnedKey, findOwnedKeys, type OwnedKey } from "../../accounts/keys.ts";
import type { LiveDocuments } from "../../iam/words/live.ts";
import { canonicalResource } from "../../model/claim.ts";
import type { IntegrationRecord } from "../../model/integration.ts";
import { claimResources } from "../../store/claims/resources.ts";
import { changeIntegration } from "../../store/integrations.ts";
import { type TemplateParts, tagList } from "../hand-off/template-parts.ts";
import type { Work } from "../work.ts";
import { encryptionOf, prepareEncryption, priorEncryption, putBack } from "./bucket-encryption.ts";
import { documentDifferences, keyStateDifferences, tagDifferences } from "./document-differences.ts";
import { type Applied, destroyMade, plainRules, type Removal, type StackDifference, type StackRules } from "./stack-rules.ts";

export const isOwnedKey = (spec: StackSpec): spec is OwnedKeySpec => spec.kind === "kms-key" && !("existingKeyArn" in spec.inputs);

export function ownedKeyRules(spec: OwnedKeySpec): StackRules {
  const { alias, policy, encryptBucket } = spec.inputs;
  return {
    ...plainRules(spec),
    named: [alias, ...(encryptBucket === undefined ? [] : [`bucket/${encryptBucket}`])],
    usesKeys: true,
    makesMain: true,
    guarded: () => [{ name: `policy of ${spec.key}`, kind: "key", document: policy }],
    documents: () => [{ name: `${alias}: key policy`, what: `The policy of the key ${alias}.`, document: policy }],
    template: (id) => templateOf(spec.inputs, id),
    findMade: (work, held) => findMade(work, spec, held),
    apply: async (work, { before, found }) => {
      const isNew = before?.outputs?.keyArn === undefined && found.adopt.key === undefined;
      await prepareEncryption(work, spec, () => keysOfStack(work, spec.key));
      return { spec: isNew ? await withRetainedKey(work, spec) : spec };
    },
    outputsBeside: async (work) => {
      const prior = encryptBucket === undefined ? undefined : await priorEncryption(work, spec);
      return prior ? { priorEncryption: prior } : {};
    },
    afterUpdate: async (work, applied, outputs) => {
      await claimKey(work, String(outputs.keyArn));
      await unmarkRetained(work, spec, applied, outputs);
    },
    differences: (outputs, _prefix, live) => keyDifferences(spec.inputs, String(outputs?.["keyArn"] ?? ""), live),
    remove: (work, removal) => remove(work, spec, removal),
    afterRemoval: async (work) => retain(work, spec, await keysOfStack(work, spec.key), "Deleting a key destroys what it encrypted."),
    survivors: async (work, owner) => [
      ...(await aliasLeft(work.account.clients, alias)),
      ...(await keysLeft(work.account.clients, owner, spec.key)),
      ...(await encryptionLeft(work, spec)),
    ],
  };
}

/** If only this run would take the key in, the key is left as it is: it stays in the account in any case. */
async function remove(work: Work, spec: OwnedKeySpec, removal: Removal): Promise<"removed"> {
  const prior = await priorEncryption(work, spec);
  if (prior) await putBack(work, prior, await keysOfStack(work, spec.key));
  const { adopt, state } = removal.found;
  const { key: _key, ...others } = adopt;
  const isKeyHeld = state?.resources.some(({ name }) => name === "key") === true;
  return destroyMade(work, spec, removal, isKeyHeld ? others : adopt.alias === undefined ? {} : adopt);
}

/** The bucket that still has a key of this stack as its default encryption. */
async function encryptionLeft(work: Work, { key, inputs: { encryptBucket: bucket } }: OwnedKeySpec): Promise<string[]> {
  if (bucket === undefined) return [];
  return (await encryptionOf(work, bucket, await keysOfStack(work, key))) ? [`the default encryption of bucket ${bucket}`] : [];
}

/**
 * The spec that adopts the retained key of the same stack, if there is one. Data was encrypted with this key, so the same stack gets the
 * same key again. A key that is pending deletion isn't adopted.
 */
async function withRetainedKey(work: Work, spec: OwnedKeySpec): Promise<OwnedKeySpec> {
  const retained = (await keysOfStack(work, spec.key)).find((key) => key.enabled && key.tags["drawbridge:retained"] !== undefined);
  if (!retained) return spec;
  await work.run.progress("key-adopted", { key: spec.key, keyArn: retained.arn });
  return { ...spec, inputs: { ...spec.inputs, adoptKeyId: retained.id } };
}

/** Only AWS knows a new key's ARN. From now on, no other tenant can name the key. */
async function claimKey({ context, account: { tenant }, integration }: Work, keyArn: string): Promise<void> {
  await claimResources(
    context.store.db,
    { accountId: tenant.accountId, resources: [canonicalResource(`key/${keyArn}`)] },
    { tenant: tenant.name, name: integration },
  );
}

/** After an adoption, the key is no longer retained. */
async function unmarkRetained(work: Work, spec: OwnedKeySpec, applied: Applied, outputs: Readonly<Record<string, unknown>>): Promise<void> {
  if (!("adoptKeyId" in applied.spec.inputs)) return;
  const { kms } = work.account.clients;
  const key = await findOwnedKey(kms, String(outputs.keyArn), { tenant: work.account.tenant.name, key: spec.key });
  if (key) await clearRetained(kms, key);
  const { context, run, account, integration } = work;
  const without = (record: IntegrationRecord) => ({ ...record, retained: (record.retained ?? []).filter((key) => key.key !== spec.key) });
  await changeIntegration(context.store.db, account.tenant.name, integration, without, run);
}

async function findMade(work: Work, spec: OwnedKeySpec, held: ReadonlySet<string>): Promise<Record<string, string>> {
  if (held.has("key") && held.has("alias")) return {};
  const { alias } = spec.inputs;
  const keys = await keysOfStack(work, spec.key);
  const withAlias = await firstAsync(keys, async (key) => (await aliasesOfKey(work.account.clients.kms, key.id)).includes(alias));
  const key = withAlias ?? keys.find(({ tags, enabled }) => enabled && tags["drawbridge:retained"] === undefined);
  if (!held.has("key") && key) await retainOthers(work, spec, keys, key);
  return { ...(key && !held.has("key") && { key: key.id }), ...(withAlias && !held.has("alias") && { alias }) };
}

/** Every key that a stack of the tenant's made. */
export const keysOfStack = ({ account }: Work, key: string): Promise<OwnedKey[]> =>
  findOwnedKeys(account.clients.kms, { tenant: account.tenant.name, key });

async function firstAsync<T>(items: readonly T[], test: (item: T) => Promise<boolean>): Promise<T | undefined> {
  for (const item of items) if (await test(item)) return item;
  return undefined;
}

/**
 * After a lost reply to CreateKey the caller creates a second key: AWS accepts no token for it. We delete no key without a request, so the
 * second one is retained and named.
 */
async function retainOthers(work: Work, spec: OwnedKeySpec, keys: readonly OwnedKey[], kept: OwnedKey): Promise<void> {
  const others = keys.filter((key) => key.id !== kept.id && key.tags["drawbridge:retained"] === undefined);
  await retain(work, spec, others, "A second key from a create whose answer was lost. Delete it by name once you know that it is unused.");
}

/**
 * Tags keys as retained and writes them into the record, which outlives the integration.
 *
 * @throws ProblemError aws_denied, aws_throttled, aws_rejected
 */
async function retain(work: Work, spec: OwnedKeySpec, keys: readonly OwnedKey[], why: string): Promise<void> {
  const { context, run, account, integration } = work;
  if (keys.length === 0) return;
  const { alias } = spec.inputs;
  const since = context.now();
  for (const key of keys) {
    if (key.tags["drawbridge:retained"] === undefined) await tagRetained(account.clients.kms, key, since);
  }
  const arns = new Set(keys.map(({ arn }) => arn));
  const added = keys.map(({ arn, tags }) => ({ key: spec.key, keyArn: arn, alias, since: tags["drawbridge:retained"] ?? since, why }));
  const withThem = (record: IntegrationRecord) => ({
    ...record,
    retained: [...(record.retained ?? []).filter((one) => !arns.has(one.keyArn)), ...added],
  });
  await changeIntegration(context.store.db, account.tenant.name, integration, withThem, run);
}

/**
 * The key outlives the template's stack and is never replaced. The default encryption belongs to the bucket, so a person sets it by hand.
 */
function templateOf({ alias, description, policy, tags, encryptBucket }: KmsKeyInputs, id: string): TemplateParts {
  const Properties = { Description: description, EnableKeyRotation: true, KeyPolicy: policy, Tags: tagList(tags) };
  return {
    resources: {
      [id]: { Type: "AWS::KMS::Key", DeletionPolicy: "Retain", UpdateReplacePolicy: "Retain", Properties },
      [`${id}Alias`]: { Type: "AWS::KMS::Alias", Properties: { AliasName: alias, TargetKeyId: { Ref: id } } },
    },
    outputs: { [`${id}Arn`]: { Description: `ARN of the key ${alias}`, Value: { "Fn::GetAtt": [id, "Arn"] } } },
    byHand: encryptBucket === undefined ? [] : [{ Do: `Make the key the default encryption of bucket ${encryptBucket}.` }],
  };
}

function keyDifferences({ policy, encryptBucket, alias, tags }: KmsKeyInputs, keyArn: string, live: LiveDocuments): StackDifference[] {
  const key = live.keys.find(({ arn }) => arn === keyArn);
  if (!key) return [{ document: "key", what: "missing", words: `Key ${keyArn} doesn't exist.` }];
  const bucket = encryptBucket === undefined ? undefined : live.buckets.find(({ name }) => name === encryptBucket);
  const differences = [
    ...keyStateDifferences(key),
    ...documentDifferences("key-policy", "the key's policy", policy, key.policy),
    ...tagDifferences(tags, key.tags),
  ];
  if (key.aliases && !key.aliases.includes(alias)) {
    const words = `${alias} doesn't lead to key ${keyArn} any more.`;
    differences.push({ document: "alias", what: "removed", words, expected: alias, found: key.aliases });
  }
  if (key.rotated === false) {
    const words = `Key ${keyArn} isn't rotated any more.`;
    differences.push({ document: "rotation", what: "changed", words, expected: true, found: false });
  }
  if (bucket && bucket.encryption?.kmsKeyArn !== keyArn) {
    const words = `Bucket ${bucket.name} isn't encrypted with this key by default any more.`;
    differences.push({ document: "encryption", what: "changed", words, expected: keyArn, found: bucket.encryption ?? null });
  }
  return differences;
}
