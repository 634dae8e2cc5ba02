/**
 * The default encryption of a bucket under a key of ours. The engine sets it and never takes it back: a teardown puts back what was there
 * before, and only if nobody has changed it since.
 */
import type { OwnedKeySpec } from "../../../stacks/stack.ts";
import { restoreEncryption } from "../../accounts/actions.ts";
import { type EncryptionRules, type OwnEncryption, ownEncryption, readEncryption } from "../../accounts/encryption.ts";
import type { OwnedKey } from "../../accounts/keys.ts";
import type { IntegrationRecord } from "../../model/integration.ts";
import { changeIntegration, findIntegration } from "../../store/integrations.ts";
import type { Work } from "../work.ts";

/** What a stack record keeps about the bucket's earlier setting, under the output `priorEncryption`. */
export interface PriorEncryption {
  bucket: string;
  rules: EncryptionRules;
}

/** The earlier setting that the stack's record keeps, if there is one. */
export async function priorEncryption(
  { context, account, integration }: Work,
  { kind, key }: OwnedKeySpec,
): Promise<PriorEncryption | undefined> {
  const record = await findIntegration(context.store.db, account.tenant.name, integration);
  const stack = record?.stacks.find(({ spec }) => spec.kind === kind && spec.key === key);
  return stack?.outputs?.["priorEncryption"] as PriorEncryption | undefined;
}

/**
 * Before the engine writes: records the bucket's setting, or puts it back where the stack no longer encrypts that bucket. A setting that names
 * a key of this stack already was written by an earlier release, which didn't record what was there before; it counts as none.
 */
export async function prepareEncryption(work: Work, spec: OwnedKeySpec, findKeys: () => Promise<OwnedKey[]>): Promise<void> {
  const bucket = spec.inputs.encryptBucket;
  const prior = await priorEncryption(work, spec);
  if (prior && prior.bucket !== bucket) await putBack(work, prior, await findKeys());
  if (bucket === undefined || prior?.bucket === bucket) return;
  const { account, run } = work;
  const live = await readEncryption(account.clients.s3, bucket, account.tenant.accountId);
  const rules = ownEncryption(bucket, live, live === null ? [] : await findKeys()) ? null : live;
  await run.progress("bucket-encryption-read", { bucket, prior: rules });
  await record(work, spec, { bucket, rules });
}

/** The stack is recorded as changing by now. Its outputs hold the setting from the moment before the engine overwrites it. */
async function record({ context, run, account, integration }: Work, { kind, key }: OwnedKeySpec, prior: PriorEncryption): Promise<void> {
  const withPrior = (now: IntegrationRecord): IntegrationRecord => ({
    ...now,
    stacks: now.stacks.map((one) =>
      one.spec.kind === kind && one.spec.key === key ? { ...one, outputs: { ...one.outputs, priorEncryption: prior } } : one,
    ),
  });
  await changeIntegration(context.store.db, account.tenant.name, integration, withPrior, run);
}

/** Puts the recorded setting back, unless somebody has changed the setting since. */
export async function putBack(work: Work, prior: PriorEncryption, keys: readonly OwnedKey[]): Promise<void> {
  const { clients, tenant } = work.account;
  const ours = await encryptionOf(work, prior.bucket, keys);
  if (ours === undefined) return;
  await restoreEncryption(clients.s3, ours, prior.rules, tenant.accountId);
  await work.run.progress("bucket-encryption-restored", { bucket: prior.bucket, rules: prior.rules });
}

/** The bucket, if its default encryption still names one of the keys. */
export async function encryptionOf({ account }: Work, bucket: string, keys: readonly OwnedKey[]): Promise<OwnEncryption | undefined> {
  return ownEncryption(bucket, await readEncryption(account.clients.s3, bucket, account.tenant.accountId), keys);
}
