import { GetRolePolicyCommand, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import type { Aws } from "../aws.ts";
import { attempt, unlessGone } from "../failure.ts";
import type { ResourceType } from "../resource-type.ts";
import { type Properties, text } from "../values.ts";
import { deleteInlinePolicy, gone, iamOf } from "./iam-calls.ts";

export const rolePolicy: ResourceType = {
  token: "aws:iam/rolePolicy:RolePolicy",
  source: "terraform-provider-aws 6.x internal/service/iam/role_policy.go",
  inputs: {
    name: { autoName: { max: 255 }, replaces: true },
    policy: { required: true, policy: "version-first" },
    role: { required: true, replaces: true },
  },
  outputs: ["namePrefix"],
  create: async (aws, inputs, saved) => {
    await put(aws, inputs);
    saved(`${text(inputs, "role")}:${text(inputs, "name")}`);
    return undefined;
  },
  read: readRolePolicy,
  update: (aws, _id, { inputs }) => put(aws, inputs),
  delete: async (aws, id) => {
    const { role, name } = partsOf(id);
    await deleteInlinePolicy(aws, role, name);
  },
};

/** `role:policy name`; a role's name holds no colon. */
function partsOf(id: string): { role: string; name: string } {
  const colon = id.indexOf(":");
  return { role: id.slice(0, colon), name: id.slice(colon + 1) };
}

/** No retry: a role that isn't there fails at once. */
async function put(aws: Aws, inputs: Properties): Promise<void> {
  const [role, name] = [text(inputs, "role"), text(inputs, "name")];
  const command = new PutRolePolicyCommand({ RoleName: role, PolicyName: name, PolicyDocument: text(inputs, "policy") });
  await attempt(`putting IAM Role (${role}) Policy (${name})`, "IAM: PutRolePolicy", iamOf(aws).send(command));
}

async function readRolePolicy(aws: Aws, id: string): Promise<Properties | undefined> {
  const { role, name } = partsOf(id);
  const command = iamOf(aws).send(new GetRolePolicyCommand({ RoleName: role, PolicyName: name }));
  const live = await unlessGone(gone, attempt(`reading IAM Role (${role}) Policy (${name})`, "IAM: GetRolePolicy", command));
  return live && { role, name, namePrefix: "", policy: decodeURIComponent(live.PolicyDocument ?? "") };
}
