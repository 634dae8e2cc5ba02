import {
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  DeletePolicyCommand,
  DeletePolicyVersionCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  ListPolicyVersionsCommand,
  type PolicyVersion,
  TagPolicyCommand,
  UntagPolicyCommand,
} from "@aws-sdk/client-iam";
import type { Aws } from "../aws.ts";
import { attempt, unlessGone } from "../failure.ts";
import { type Change, defined, programTags, type ResourceType, tagChanges, tagList, tagMap } from "../resource-type.ts";
import { type Properties, text, textMap } from "../values.ts";
import { gone, iamOf } from "./iam-calls.ts";

export const policy: ResourceType = {
  token: "aws:iam/policy:Policy",
  source: "terraform-provider-aws 6.x internal/service/iam/policy.go",
  inputs: {
    description: { replaces: true },
    name: { autoName: { max: 255 }, replaces: true },
    path: { default: "/", replaces: true },
    policy: { required: true, policy: "sorted" },
  },
  outputs: ["arn", "attachmentCount", "policyId", "namePrefix"],
  tagged: true,
  create: createPolicy,
  read: readPolicy,
  update: updatePolicy,
  delete: deletePolicy,
};

/** AWS keeps five versions of a policy (IAM user guide, "Versioning IAM policies"). */
const mostVersions = 5;

async function createPolicy(aws: Aws, inputs: Properties, saved: (id: string) => void): Promise<undefined> {
  const command = new CreatePolicyCommand({
    PolicyName: text(inputs, "name"),
    Path: text(inputs, "path"),
    Description: text(inputs, "description"),
    PolicyDocument: text(inputs, "policy"),
    Tags: tagList(textMap(inputs, "tagsAll")),
  });
  const made = await attempt(`creating IAM Policy (${text(inputs, "name")})`, "IAM: CreatePolicy", iamOf(aws).send(command));
  saved(made.Policy?.Arn ?? "");
}

async function readPolicy(aws: Aws, arn: string, stored: Properties): Promise<Properties | undefined> {
  const doing = `reading IAM Policy (${arn})`;
  const answer = await unlessGone(gone, attempt(doing, "IAM: GetPolicy", iamOf(aws).send(new GetPolicyCommand({ PolicyArn: arn }))));
  const live = answer?.Policy;
  if (!live) return undefined;
  const command = new GetPolicyVersionCommand({ PolicyArn: arn, VersionId: live.DefaultVersionId });
  const version = await unlessGone(gone, attempt(doing, "IAM: GetPolicyVersion", iamOf(aws).send(command)));
  const tagsAll = tagMap(live.Tags);
  return defined({
    arn,
    attachmentCount: live.AttachmentCount ?? 0,
    description: live.Description ?? "",
    name: live.PolicyName,
    namePrefix: "",
    path: live.Path,
    policyId: live.PolicyId,
    policy: decodeURIComponent(version?.PolicyVersion?.Document ?? ""),
    tagsAll,
    tags: programTags(aws.defaultTags, stored, tagsAll),
  });
}

async function updatePolicy(aws: Aws, arn: string, { inputs, stored, differs }: Change): Promise<void> {
  const iam = iamOf(aws);
  const { removed, put } = tagChanges(textMap(stored, "tagsAll"), textMap(inputs, "tagsAll"));
  const tagging = `updating tags for IAM Policy (${arn})`;
  if (removed.length > 0)
    await attempt(tagging, "IAM: UntagPolicy", iam.send(new UntagPolicyCommand({ PolicyArn: arn, TagKeys: removed })));
  if (put.length > 0) await attempt(tagging, "IAM: TagPolicy", iam.send(new TagPolicyCommand({ PolicyArn: arn, Tags: put })));
  if (!differs("policy")) return;
  const live = await versions(aws, arn);
  const oldest = live.filter(isNotDefault).sort((a, b) => Number(a.CreateDate) - Number(b.CreateDate))[0];
  if (live.length >= mostVersions && oldest) await deleteVersion(aws, arn, oldest);
  const command = new CreatePolicyVersionCommand({ PolicyArn: arn, PolicyDocument: text(inputs, "policy"), SetAsDefault: true });
  await attempt(`updating IAM Policy (${arn})`, "IAM: CreatePolicyVersion", iam.send(command));
}

/** A policy that is still attached fails at once (DeleteConflict is not retried). */
async function deletePolicy(aws: Aws, arn: string): Promise<void> {
  const live = (await unlessGone(gone, versions(aws, arn))) ?? [];
  for (const version of live.filter(isNotDefault)) await deleteVersion(aws, arn, version);
  const command = iamOf(aws).send(new DeletePolicyCommand({ PolicyArn: arn }));
  await unlessGone(gone, attempt(`deleting IAM Policy (${arn})`, "IAM: DeletePolicy", command));
}

const isNotDefault = (version: PolicyVersion): boolean => version.IsDefaultVersion !== true;

async function versions(aws: Aws, arn: string): Promise<PolicyVersion[]> {
  const command = iamOf(aws).send(new ListPolicyVersionsCommand({ PolicyArn: arn }));
  return (await attempt(`listing IAM Policy (${arn}) versions`, "IAM: ListPolicyVersions", command)).Versions ?? [];
}

async function deleteVersion(aws: Aws, arn: string, { VersionId }: PolicyVersion): Promise<void> {
  const command = iamOf(aws).send(new DeletePolicyVersionCommand({ PolicyArn: arn, VersionId }));
  await unlessGone(gone, attempt(`deleting IAM Policy (${arn}) version (${VersionId})`, "IAM: DeletePolicyVersion", command));
}
