import { Role } from "@pulumi/aws/iam/role.js";
import { RolePoliciesExclusive } from "@pulumi/aws/iam/rolePoliciesExclusive.js";
import { RolePolicy } from "@pulumi/aws/iam/rolePolicy.js";
import { RolePolicyAttachment } from "@pulumi/aws/iam/rolePolicyAttachment.js";
import { RolePolicyAttachmentsExclusive } from "@pulumi/aws/iam/rolePolicyAttachmentsExclusive.js";
import type { RoleInputs } from "../stacks/stack.ts";
import { adoption } from "./adoption.ts";
import { policyJson } from "./policy-json.ts";
import type { Place, ProgramOutputs } from "./program.ts";
import { tenantProvider } from "./tenant-provider.ts";

/** AWS's own default, and the most that role chaining allows (IAM user guide, "Role chaining": one hour). */
const sessionSeconds = 3600;

const changeable = [
  "description",
  "assumeRolePolicy",
  "maxSessionDuration",
  "forceDetachPolicies",
  "permissionsBoundary",
  "tags",
  "tagsAll",
];

/**
 * One role with all its policies. `protect` makes the engine refuse every plan that replaces the role: a replaced role has another unique
 * id, and a vendor's trust in it breaks silently. A destroy passes `--ignore-protect`. Because of the two exclusive resources, a policy
 * that somebody adds is a difference, and the next update removes it. Outputs `roleArn`, `roleName`, `roleId` (`AROA…`).
 */
export function roleProgram(inputs: RoleInputs, place: Place): ProgramOutputs {
  const provider = tenantProvider(place);
  const role = new Role(
    "role",
    {
      name: inputs.name,
      description: inputs.description,
      assumeRolePolicy: policyJson(inputs.trust),
      maxSessionDuration: sessionSeconds,
      forceDetachPolicies: true,
      tags: inputs.tags,
      ...(inputs.permissionsBoundaryArn === undefined ? {} : { permissionsBoundary: inputs.permissionsBoundaryArn }),
    },
    { provider, protect: true, ...adoption(place, "role", changeable) },
  );
  // Children would inherit `protect` from a parent. So the policies aren't children of the role; they only depend on it.
  const inline = inputs.inlinePolicies.map(
    ({ name, document }) => new RolePolicy(`inline-${name}`, { name, role: role.name, policy: policyJson(document) }, { provider }),
  );
  const attached = inputs.managedPolicyArns.map(
    // "::" separates the parts of a URN.
    (policyArn) => new RolePolicyAttachment(`attached-${policyArn.replaceAll(":", ".")}`, { role: role.name, policyArn }, { provider }),
  );
  new RolePoliciesExclusive(
    "inline-exclusive",
    { roleName: role.name, policyNames: inputs.inlinePolicies.map(({ name }) => name) },
    { provider, dependsOn: inline },
  );
  new RolePolicyAttachmentsExclusive(
    "attached-exclusive",
    { roleName: role.name, policyArns: inputs.managedPolicyArns },
    { provider, dependsOn: attached },
  );
  return { roleArn: role.arn, roleName: role.name, roleId: role.uniqueId };
}
