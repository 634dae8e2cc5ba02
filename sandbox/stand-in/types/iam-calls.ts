/** IAM calls that several types share. */
import {
  AttachRolePolicyCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  IAMClient,
  paginateListAttachedRolePolicies,
  paginateListRolePolicies,
} from "@aws-sdk/client-iam";
import { type Aws, cached } from "../aws.ts";
import { attempt, type CallFailed, unlessGone, untilSettled } from "../failure.ts";

export const iamOf = (aws: Aws): IAMClient => cached(aws, "iam", (settings) => new IAMClient(settings));

export const gone = ["NoSuchEntity"];

/** The one failure that attaching and detaching retry. */
export const isConcurrent = ({ code }: CallFailed): boolean => code === "ConcurrentModification";

/** The names of a role's inline policies, sorted; undefined when the role isn't there. */
export async function inlinePolicyNames(aws: Aws, role: string): Promise<string[] | undefined> {
  const names = async () => {
    const found: string[] = [];
    for await (const page of paginateListRolePolicies({ client: iamOf(aws) }, { RoleName: role })) found.push(...(page.PolicyNames ?? []));
    return found.sort();
  };
  return await unlessGone(gone, attempt(`reading IAM Role (${role}) inline policies`, "IAM: ListRolePolicies", names()));
}

/** The ARNs of a role's attached policies, sorted; undefined when the role isn't there. */
export async function attachedPolicyArns(aws: Aws, role: string): Promise<string[] | undefined> {
  const arns = async () => {
    const found: string[] = [];
    for await (const page of paginateListAttachedRolePolicies({ client: iamOf(aws) }, { RoleName: role })) {
      found.push(...(page.AttachedPolicies ?? []).flatMap((policy) => policy.PolicyArn ?? []));
    }
    return found.sort();
  };
  return await unlessGone(gone, attempt(`reading IAM Policies attached to Role (${role})`, "IAM: ListAttachedRolePolicies", arns()));
}

export async function attach(aws: Aws, role: string, arn: string): Promise<void> {
  const doing = `attaching IAM Policy (${arn}) to IAM Role (${role})`;
  const command = () => iamOf(aws).send(new AttachRolePolicyCommand({ RoleName: role, PolicyArn: arn }));
  await untilSettled(isConcurrent, () => attempt(doing, "IAM: AttachRolePolicy", command()));
}

export async function detach(aws: Aws, role: string, arn: string): Promise<void> {
  const doing = `detaching IAM Policy (${arn}) from IAM Role (${role})`;
  const command = () => iamOf(aws).send(new DetachRolePolicyCommand({ RoleName: role, PolicyArn: arn }));
  await unlessGone(
    gone,
    untilSettled(isConcurrent, () => attempt(doing, "IAM: DetachRolePolicy", command())),
  );
}

export async function deleteInlinePolicy(aws: Aws, role: string, name: string): Promise<void> {
  const command = iamOf(aws).send(new DeleteRolePolicyCommand({ RoleName: role, PolicyName: name }));
  await unlessGone(gone, attempt(`deleting IAM Role (${role}) Policy (${name})`, "IAM: DeleteRolePolicy", command));
}
