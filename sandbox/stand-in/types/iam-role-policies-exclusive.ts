import { PutRolePolicyCommand } from "@aws-sdk/client-iam";
import type { Aws } from "../aws.ts";
import { attempt } from "../failure.ts";
import type { ResourceType } from "../resource-type.ts";
import { type Properties, text, texts } from "../values.ts";
import { deleteInlinePolicy, iamOf, inlinePolicyNames } from "./iam-calls.ts";

export const rolePoliciesExclusive: ResourceType = {
  token: "aws:iam/rolePoliciesExclusive:RolePoliciesExclusive",
  source: "terraform-provider-aws 5.x internal/service/iam/role_policies_exclusive.go",
  inputs: {
    policyNames: { required: true, set: true },
    roleName: { required: true, replaces: true },
  },
  outputs: [],
  create: async (aws, inputs, saved) => {
    await synchronise(aws, inputs);
    saved(text(inputs, "roleName"));
    return undefined;
  },
  read: async (aws, id) => {
    const names = await inlinePolicyNames(aws, id);
    return names && { roleName: id, policyNames: names };
  },
  update: (aws, _id, { inputs }) => synchronise(aws, inputs),
  delete: async () => undefined, // the real one calls nothing either
};

/** A missing policy is "added" by a put without a document, which AWS refuses: the RolePolicy resources must come first. */
async function synchronise(aws: Aws, inputs: Properties): Promise<void> {
  const role = text(inputs, "roleName");
  const wanted = texts(inputs, "policyNames");
  const live = await inlinePolicyNames(aws, role);
  if (!live) throw new Error(`reading IAM Role Policies Exclusive (${role}): couldn't find resource`);
  for (const name of wanted.filter((candidate) => !live.includes(candidate))) {
    const command = new PutRolePolicyCommand({ RoleName: role, PolicyName: name, PolicyDocument: undefined });
    await attempt(`creating IAM Role Policies Exclusive (${role})`, "IAM: PutRolePolicy", iamOf(aws).send(command));
  }
  for (const name of live.filter((candidate) => !wanted.includes(candidate))) await deleteInlinePolicy(aws, role, name);
}
