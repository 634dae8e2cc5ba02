import {
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  DisableKeyRotationCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  type KeySpec,
  type KeyUsageType,
  ListResourceTagsCommand,
  PutKeyPolicyCommand,
  ScheduleKeyDeletionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateKeyDescriptionCommand,
} from "@aws-sdk/client-kms";
import type { Aws } from "../aws.ts";
import { attempt, CallFailed, unlessGone, untilSettled } from "../failure.ts";
import { type Change, defined, programTags, type ResourceType, tagChanges, tagMap } from "../resource-type.ts";
import { type Properties, text, textMap } from "../values.ts";
import { gone, kmsOf } from "./kms-calls.ts";

export const key: ResourceType = {
  token: "aws:kms/key:Key",
  source: "terraform-provider-aws 5.x internal/service/kms/key.go, wait.go",
  inputs: {
    bypassPolicyLockoutSafetyCheck: { default: false },
    customerMasterKeySpec: { default: "SYMMETRIC_DEFAULT", replaces: true },
    deletionWindowInDays: {},
    description: { computed: true },
    enableKeyRotation: { default: false },
    isEnabled: { default: true },
    keyUsage: { default: "ENCRYPT_DECRYPT", replaces: true },
    multiRegion: { computed: true, replaces: true },
    policy: { computed: true, policy: "sorted" },
    rotationPeriodInDays: { computed: true },
  },
  outputs: ["arn", "keyId"],
  tagged: true,
  regional: true,
  create: createKey,
  read: readKey,
  update: updateKey,
  delete: deleteKey,
};

const isUnsettled = ({ code }: CallFailed): boolean => code === "MalformedPolicyDocumentException" || code === "NotFoundException";

async function createKey(aws: Aws, inputs: Properties, saved: (id: string) => void): Promise<undefined> {
  const command = () =>
    kmsOf(aws).send(
      new CreateKeyCommand({
        BypassPolicyLockoutSafetyCheck: inputs["bypassPolicyLockoutSafetyCheck"] === true,
        KeySpec: text(inputs, "customerMasterKeySpec") as KeySpec,
        KeyUsage: text(inputs, "keyUsage") as KeyUsageType,
        ...(text(inputs, "description") && { Description: text(inputs, "description") }),
        ...(inputs["multiRegion"] === true && { MultiRegion: true }),
        ...(text(inputs, "policy") && { Policy: text(inputs, "policy") }),
        Tags: kmsTags(Object.entries(textMap(inputs, "tagsAll"))),
      }),
    );
  const made = await untilSettled(isUnsettled, () => attempt("creating KMS Key", "KMS: CreateKey", command()));
  const id = made.KeyMetadata?.KeyId ?? "";
  saved(id);
  if (inputs["enableKeyRotation"] === true) await rotate(aws, id, inputs);
  if (inputs["isEnabled"] === false) await enable(aws, id, false);
}

/** A key that waits for its deletion is gone to the plugin. */
async function readKey(aws: Aws, id: string, stored: Properties): Promise<Properties | undefined> {
  const doing = `reading KMS Key (${id})`;
  const kms = kmsOf(aws);
  const described = await unlessGone(gone, attempt(doing, "KMS: DescribeKey", kms.send(new DescribeKeyCommand({ KeyId: id }))));
  const live = described?.KeyMetadata;
  if (!live?.KeyId || live.KeyState === "PendingDeletion" || live.KeyState === "PendingReplicaDeletion") return undefined;
  const KeyId = live.KeyId;
  const [policy, rotation, tags] = await Promise.all([
    attempt(doing, "KMS: GetKeyPolicy", kms.send(new GetKeyPolicyCommand({ KeyId, PolicyName: "default" }))),
    attempt(doing, "KMS: GetKeyRotationStatus", kms.send(new GetKeyRotationStatusCommand({ KeyId }))),
    attempt(doing, "KMS: ListResourceTags", kms.send(new ListResourceTagsCommand({ KeyId }))),
  ]);
  const tagsAll = tagMap(tags.Tags?.map(({ TagKey, TagValue }) => ({ Key: TagKey, Value: TagValue })));
  return defined({
    arn: live.Arn,
    keyId: KeyId,
    customerMasterKeySpec: live.KeySpec,
    description: live.Description ?? "",
    enableKeyRotation: rotation.KeyRotationEnabled === true,
    rotationPeriodInDays: rotation.RotationPeriodInDays,
    isEnabled: live.Enabled === true,
    keyUsage: live.KeyUsage,
    multiRegion: live.MultiRegion === true,
    policy: policy.Policy,
    region: text(stored, "region") || aws.region,
    tagsAll,
    tags: programTags(aws.defaultTags, stored, tagsAll),
  });
}

async function updateKey(aws: Aws, id: string, change: Change): Promise<void> {
  const { inputs, differs } = change;
  const kms = kmsOf(aws);
  await updateTags(aws, id, change);
  if (differs("isEnabled") && inputs["isEnabled"] !== false) await enable(aws, id, true);
  if (differs("enableKeyRotation") || differs("rotationPeriodInDays")) await rotate(aws, id, inputs);
  if (differs("description")) {
    const command = new UpdateKeyDescriptionCommand({ KeyId: id, Description: text(inputs, "description") });
    await attempt(`updating KMS Key (${id}) description`, "KMS: UpdateKeyDescription", kms.send(command));
  }
  if (differs("policy") && text(inputs, "policy")) {
    const BypassPolicyLockoutSafetyCheck = inputs["bypassPolicyLockoutSafetyCheck"] === true;
    const command = () =>
      kms.send(
        new PutKeyPolicyCommand({ KeyId: id, PolicyName: "default", Policy: text(inputs, "policy"), BypassPolicyLockoutSafetyCheck }),
      );
    await untilSettled(isUnsettled, () => attempt(`updating KMS Key Policy (${id}) policy`, "KMS: PutKeyPolicy", command()));
  }
  if (differs("isEnabled") && inputs["isEnabled"] === false) await enable(aws, id, false);
}

async function updateTags(aws: Aws, id: string, { inputs, stored }: Change): Promise<void> {
  const { removed, put } = tagChanges(textMap(stored, "tagsAll"), textMap(inputs, "tagsAll"));
  const doing = `updating tags for KMS Key (${id})`;
  const Tags = kmsTags(put.map(({ Key, Value }) => [Key, Value]));
  if (removed.length > 0)
    await attempt(doing, "KMS: UntagResource", kmsOf(aws).send(new UntagResourceCommand({ KeyId: id, TagKeys: removed })));
  if (Tags.length > 0) await attempt(doing, "KMS: TagResource", kmsOf(aws).send(new TagResourceCommand({ KeyId: id, Tags })));
}

const kmsTags = (tags: [string, string][]) => tags.map(([TagKey, TagValue]) => ({ TagKey, TagValue }));

async function rotate(aws: Aws, id: string, inputs: Properties): Promise<void> {
  const doing = `updating KMS Key (${id}) rotation`;
  if (inputs["enableKeyRotation"] !== true) {
    await attempt(doing, "KMS: DisableKeyRotation", kmsOf(aws).send(new DisableKeyRotationCommand({ KeyId: id })));
    return;
  }
  const days = inputs["rotationPeriodInDays"];
  const command = new EnableKeyRotationCommand({ KeyId: id, ...(typeof days === "number" && { RotationPeriodInDays: days }) });
  await attempt(doing, "KMS: EnableKeyRotation", kmsOf(aws).send(command));
}

async function enable(aws: Aws, id: string, isEnabled: boolean): Promise<void> {
  const doing = `updating KMS Key (${id}) key enabled (${isEnabled})`;
  if (isEnabled) await attempt(doing, "KMS: EnableKey", kmsOf(aws).send(new EnableKeyCommand({ KeyId: id })));
  else await attempt(doing, "KMS: DisableKey", kmsOf(aws).send(new DisableKeyCommand({ KeyId: id })));
}

/** Schedules the deletion; AWS waits 30 days unless the program says otherwise. The key is never taken back. */
async function deleteKey(aws: Aws, id: string, stored: Properties): Promise<void> {
  const days = stored["deletionWindowInDays"];
  const command = new ScheduleKeyDeletionCommand({ KeyId: id, ...(typeof days === "number" && { PendingWindowInDays: days }) });
  try {
    await unlessGone(gone, attempt(`deleting KMS Key (${id})`, "KMS: ScheduleKeyDeletion", kmsOf(aws).send(command)));
  } catch (error) {
    if (error instanceof CallFailed && error.reason.includes("is pending deletion")) return;
    throw error;
  }
}
