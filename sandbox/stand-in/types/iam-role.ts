import {
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  PutRolePermissionsBoundaryCommand,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
  UpdateRoleDescriptionCommand,
} from "@aws-sdk/client-iam";
import type { Aws } from "../aws.ts";
import { attempt, type CallFailed, unlessGone, untilSettled } from "../failure.ts";
import { type Change, defined, programTags, type ResourceType, tagChanges, tagList, tagMap } from "../resource-type.ts";
import { type Properties, text, textMap, texts, type Value } from "../values.ts";
import { attachedPolicyArns, deleteInlinePolicy, detach, gone, iamOf, inlinePolicyNames } from "./iam-calls.ts";

export const role: ResourceType = {
  token: "aws:iam/role:Role",
  source: "terraform-provider-aws 6.x internal/service/iam/role.go; pulumi-aws 7.48 provider/resources.go",
  inputs: {
    assumeRolePolicy: { required: true, policy: "sorted" },
    description: {},
    forceDetachPolicies: { default: false },
    maxSessionDuration: { default: 3600 },
    name: { autoName: { max: 64 }, replaces: true },
    path: { default: "/", replaces: true },
    permissionsBoundary: {},
  },
  outputs: ["arn", "uniqueId", "createDate", "namePrefix", "inlinePolicies", "managedPolicyArns"],
  tagged: true,
  create: createRole,
  read: readRole,
  update: updateRole,
  delete: deleteRole,
};

/** A principal that was just made isn't known everywhere at once. */
const isUnsettled = ({ code, reason }: CallFailed): boolean =>
  code === "ConcurrentModification" || (code === "MalformedPolicyDocument" && reason.includes("Invalid principal in policy"));

async function createRole(aws: Aws, inputs: Properties, saved: (id: string) => void): Promise<undefined> {
  const name = text(inputs, "name");
  const command = () =>
    iamOf(aws).send(
      new CreateRoleCommand({
        RoleName: name,
        Path: text(inputs, "path"),
        AssumeRolePolicyDocument: text(inputs, "assumeRolePolicy"),
        MaxSessionDuration: Number(inputs["maxSessionDuration"]),
        ...(text(inputs, "description") && { Description: text(inputs, "description") }),
        ...(text(inputs, "permissionsBoundary") && { PermissionsBoundary: text(inputs, "permissionsBoundary") }),
        Tags: tagList(textMap(inputs, "tagsAll")),
      }),
    );
  await untilSettled(isUnsettled, () => attempt(`creating IAM Role (${name})`, "IAM: CreateRole", command()));
  saved(name);
}

async function readRole(aws: Aws, id: string, stored: Properties): Promise<Properties | undefined> {
  const answer = await unlessGone(
    gone,
    attempt(`reading IAM Role (${id})`, "IAM: GetRole", iamOf(aws).send(new GetRoleCommand({ RoleName: id }))),
  );
  const live = answer?.Role;
  if (!live) return undefined;
  const [inline, managedPolicyArns] = await Promise.all([inlinePolicies(aws, id), attachedPolicyArns(aws, id)]);
  if (!inline || !managedPolicyArns) return undefined;
  const tagsAll = tagMap(live.Tags);
  return defined({
    arn: live.Arn,
    uniqueId: live.RoleId,
    createDate: live.CreateDate?.toISOString().replace(/\.\d+Z$/, "Z"),
    name: live.RoleName,
    namePrefix: "",
    path: live.Path,
    description: live.Description ?? "",
    assumeRolePolicy: decodeURIComponent(live.AssumeRolePolicyDocument ?? ""),
    maxSessionDuration: live.MaxSessionDuration ?? 3600,
    permissionsBoundary: live.PermissionsBoundary?.PermissionsBoundaryArn ?? "",
    inlinePolicies: inline,
    managedPolicyArns,
    tagsAll,
    tags: programTags(aws.defaultTags, stored, tagsAll),
  });
}

async function inlinePolicies(aws: Aws, name: string): Promise<Value[] | undefined> {
  const names = await inlinePolicyNames(aws, name);
  if (!names) return undefined;
  return await Promise.all(
    names.map(async (policyName) => {
      const command = new GetRolePolicyCommand({ RoleName: name, PolicyName: policyName });
      const answer = await unlessGone(
        gone,
        attempt(`reading IAM Role (${name}) inline policies`, "IAM: GetRolePolicy", iamOf(aws).send(command)),
      );
      return { name: policyName, policy: decodeURIComponent(answer?.PolicyDocument ?? "") };
    }),
  );
}

async function updateRole(aws: Aws, name: string, change: Change): Promise<void> {
  const { inputs, differs } = change;
  const iam = iamOf(aws);
  await updateTags(aws, name, change);
  if (differs("assumeRolePolicy")) {
    const doing = `updating IAM Role (${name}) assume role policy`;
    const command = () => iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: name, PolicyDocument: text(inputs, "assumeRolePolicy") }));
    await untilSettled(isUnsettled, () => attempt(doing, "IAM: UpdateAssumeRolePolicy", command()));
  }
  if (differs("description")) {
    const command = new UpdateRoleDescriptionCommand({ RoleName: name, Description: text(inputs, "description") });
    await attempt(`updating IAM Role (${name}) description`, "IAM: UpdateRoleDescription", iam.send(command));
  }
  if (differs("maxSessionDuration")) {
    const command = new UpdateRoleCommand({
      RoleName: name,
      Description: text(inputs, "description"),
      MaxSessionDuration: Number(inputs["maxSessionDuration"]),
    });
    await attempt(`updating IAM Role (${name}) MaxSessionDuration`, "IAM: UpdateRole", iam.send(command));
  }
  if (differs("permissionsBoundary")) await updateBoundary(aws, name, text(inputs, "permissionsBoundary"));
}

async function updateTags(aws: Aws, name: string, { inputs, stored }: Change): Promise<void> {
  const { removed, put } = tagChanges(textMap(stored, "tagsAll"), textMap(inputs, "tagsAll"));
  const doing = `updating tags for IAM Role (${name})`;
  if (removed.length > 0)
    await attempt(doing, "IAM: UntagRole", iamOf(aws).send(new UntagRoleCommand({ RoleName: name, TagKeys: removed })));
  if (put.length > 0) await attempt(doing, "IAM: TagRole", iamOf(aws).send(new TagRoleCommand({ RoleName: name, Tags: put })));
}

async function updateBoundary(aws: Aws, name: string, boundary: string): Promise<void> {
  const doing = `updating IAM Role (${name}) permissions boundary`;
  if (boundary) {
    const command = new PutRolePermissionsBoundaryCommand({ RoleName: name, PermissionsBoundary: boundary });
    await attempt(doing, "IAM: PutRolePermissionsBoundary", iamOf(aws).send(command));
    return;
  }
  const command = iamOf(aws).send(new DeleteRolePermissionsBoundaryCommand({ RoleName: name }));
  await unlessGone(gone, attempt(doing, "IAM: DeleteRolePermissionsBoundary", command));
}

/** Sheds every policy, foreign ones too, when told to or when a refresh has seen any; else a foreign one makes the delete fail. */
async function deleteRole(aws: Aws, name: string, stored: Properties): Promise<void> {
  const force = stored["forceDetachPolicies"] === true;
  if (force || texts(stored, "managedPolicyArns").length > 0) {
    for (const arn of (await attachedPolicyArns(aws, name)) ?? []) await detach(aws, name, arn);
  }
  const inline = stored["inlinePolicies"];
  if (force || (Array.isArray(inline) && inline.length > 0)) {
    for (const policyName of (await inlinePolicyNames(aws, name)) ?? []) await deleteInlinePolicy(aws, name, policyName);
  }
  const command = () => iamOf(aws).send(new DeleteRoleCommand({ RoleName: name }));
  const isInUse = ({ code }: CallFailed) => code === "DeleteConflict";
  await unlessGone(
    gone,
    untilSettled(isInUse, () => attempt(`deleting IAM Role (${name})`, "IAM: DeleteRole", command())),
  );
}
