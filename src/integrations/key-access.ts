/**
 * The KMS ladder for keys that are not ours: (a) the key's policy already delegates to the account's IAM: nothing to do; (b) a
 * grant, which touches no policy and can be revoked alone. Pure.
 */
import { reference } from "../../stacks/references.ts";
import type { StackSpec } from "../../stacks/stack.ts";
import type { AccessContract } from "../iam/contract.ts";
import { evaluate } from "../iam/evaluate.ts";
import type { LiveKey } from "../iam/live.ts";
import { ProblemError } from "../problem.ts";

/** What a wildcard action of IAM is as grant operations (KMS API reference, CreateGrant). */
const OPERATIONS: Record<string, string[]> = {
  "kms:ReEncrypt*": ["ReEncryptFrom", "ReEncryptTo"],
  "kms:GenerateDataKey*": ["GenerateDataKey", "GenerateDataKeyWithoutPlaintext"],
};

const operationsOf = (action: string): string[] => OPERATIONS[action] ?? [action.replace(/^kms:/, "")];

/**
 * The grants that the roles need because a key's own policy gives them nothing, as stacks that wait for the role.
 *
 * @throws ProblemError key_policy_denies when the key's policy denies outright: a grant can't lift that
 */
export function keyGrants(
  integration: string,
  specs: readonly StackSpec[],
  contract: AccessContract,
  keys: readonly LiveKey[],
): StackSpec[] {
  return keys.flatMap((key) => {
    const grants = contract.roles.flatMap((role) => {
      const spec = specs.find((one) => one.kind === "role" && role.roleArn.endsWith(`role/${one.inputs.name}`));
      const actions = role.grants.filter((grant) => grant.resources.includes(key.arn)).flatMap((grant) => grant.actions);
      const needed = actions.filter((action) => needsGrant(role.roleArn, action, key));
      if (!spec || needed.length === 0) return [];
      const operations = [...new Set(needed.flatMap(operationsOf))].sort();
      // A reference, so that the role is there before the grant names it and outlives it.
      const granteePrincipal = reference("role", spec.key, "roleArn") as unknown as string;
      return [{ name: `drawbridge-${spec.key}`, granteePrincipal, operations }];
    });
    if (grants.length === 0) return [];
    const keyId = key.arn.split("/").at(-1) ?? "";
    return [{ kind: "kms-key" as const, key: `${integration}.${keyId}`, inputs: { existingKeyArn: key.arn, grants } }];
  });
}

function needsGrant(roleArn: string, action: string, key: LiveKey): boolean {
  const identity = [
    {
      name: "what the role will hold",
      document: { Version: "2012-10-17", Statement: [{ Effect: "Allow" as const, Action: action, Resource: key.arn }] },
    },
  ];
  const exact = `kms:${operationsOf(action)[0] ?? ""}`;
  const { decision } = evaluate(
    { principal: roleArn, action: exact, resource: key.arn, context: {} },
    { identity, keyPolicy: { name: `policy of ${key.arn}`, document: key.policy }, resourceAccount: key.accountId },
  );
  if (decision === "explicitly-denied") {
    throw new ProblemError(
      "key_policy_denies",
      `The policy of key ${key.arn} denies ${exact} to the role. Change that statement: no grant can lift it.`,
      { pointer: "/parameters/kmsKeyArn" },
    );
  }
  return decision !== "allowed";
}
