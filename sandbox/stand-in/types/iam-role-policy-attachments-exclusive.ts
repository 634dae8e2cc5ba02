import type { Aws } from "../aws.ts";
import type { ResourceType } from "../resource-type.ts";
import { type Properties, text, texts } from "../values.ts";
import { attach, attachedPolicyArns, detach } from "./iam-calls.ts";

export const rolePolicyAttachmentsExclusive: ResourceType = {
  token: "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
  source: "terraform-provider-aws 5.x internal/service/iam/role_policy_attachments_exclusive.go",
  inputs: {
    policyArns: { required: true, set: true },
    roleName: { required: true, replaces: true },
  },
  outputs: [],
  create: async (aws, inputs, saved) => {
    await synchronise(aws, inputs);
    saved(text(inputs, "roleName"));
    return undefined;
  },
  read: async (aws, id) => {
    const arns = await attachedPolicyArns(aws, id);
    return arns && { roleName: id, policyArns: arns };
  },
  update: (aws, _id, { inputs }) => synchronise(aws, inputs),
  delete: async () => undefined, // the real one calls nothing either
};

async function synchronise(aws: Aws, inputs: Properties): Promise<void> {
  const role = text(inputs, "roleName");
  const wanted = texts(inputs, "policyArns");
  const live = await attachedPolicyArns(aws, role);
  if (!live) throw new Error(`reading IAM Role Policy Attachments Exclusive (${role}): couldn't find resource`);
  for (const arn of wanted.filter((candidate) => !live.includes(candidate))) await attach(aws, role, arn);
  for (const arn of live.filter((candidate) => !wanted.includes(candidate))) await detach(aws, role, arn);
}
