import type { ResourceType } from "../resource-type.ts";
import { text } from "../values.ts";
import { attach, attachedPolicyArns, detach } from "./iam-calls.ts";

export const rolePolicyAttachment: ResourceType = {
  token: "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
  source: "terraform-provider-aws 6.x internal/service/iam/role_policy_attachment.go; delete-first: pulumi-aws provider/resources.go",
  inputs: {
    policyArn: { required: true, replaces: true },
    role: { required: true, replaces: true },
  },
  outputs: [],
  deleteBeforeReplace: true,
  create: async (aws, inputs, saved) => {
    const [role, policyArn] = [text(inputs, "role"), text(inputs, "policyArn")];
    await attach(aws, role, policyArn);
    saved(`${role}/${policyArn}`);
    return undefined;
  },
  read: async (aws, id) => {
    const { role, policyArn } = partsOf(id);
    const attached = await attachedPolicyArns(aws, role);
    return attached?.includes(policyArn) ? { role, policyArn } : undefined;
  },
  update: async () => undefined, // every input replaces it
  delete: async (aws, id) => {
    const { role, policyArn } = partsOf(id);
    await detach(aws, role, policyArn);
  },
};

/** `role/policy ARN` */
function partsOf(id: string): { role: string; policyArn: string } {
  const slash = id.indexOf("/");
  return { role: id.slice(0, slash), policyArn: id.slice(slash + 1) };
}
