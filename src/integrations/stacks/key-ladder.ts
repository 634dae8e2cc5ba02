/**
 * The KMS ladder for keys that are not ours. (a) The key's policy already delegates to the account's IAM: nothing to do. (b) A grant: it
 * changes no policy and can be revoked alone. (c) A statement in the key's policy, only with an approval. Pure.
 */
import { reference, resolveReferences } from "../../../stacks/references.ts";
import type { KmsGrantsInputs, StackSpec } from "../../../stacks/stack.ts";
import { pointerTo } from "../../blueprints/parts/blueprint.ts";
import type { AccessContract } from "../../iam/contract/contract.ts";
import { evaluate } from "../../iam/evaluate/evaluate.ts";
import type { LiveKey } from "../../iam/words/live.ts";
import { unmergeStatements } from "../../iam/words/merge.ts";
import { listOf, type PolicyDocument, type Statement, sameDocument } from "../../iam/words/policy-document.ts";
import { ourSid, sidPrefix } from "../../iam/words/sid.ts";
import type { TenantRecord } from "../../model/tenant.ts";
import { ProblemError } from "../../problem.ts";
import type { DesiredStacks } from "../desired-stacks.ts";
import { isKeyAccess } from "./key-access.ts";
import { isRole } from "./role.ts";

/** The grant operations of a wildcard action of IAM (KMS API reference, CreateGrant). */
const OPERATIONS: Record<string, string[]> = {
  "kms:ReEncrypt*": ["ReEncryptFrom", "ReEncryptTo"],
  "kms:GenerateDataKey*": ["GenerateDataKey", "GenerateDataKeyWithoutPlaintext"],
};

const operationsOf = (action: string): string[] => OPERATIONS[action] ?? [action.replace(/^kms:/, "")];

/** The principal that would give the access. Without it, we assume that grants are possible. */
export interface Giver {
  tenant: string;
  /** The provisioning role's ARN */
  principal: string;
}

/** A tenant's provisioning role. For our own credentials, we don't know an ARN that a policy could name. */
export function giverOf({ name, access }: Pick<TenantRecord, "name" | "access">): Giver | undefined {
  return access.mode === "assume-role" ? { tenant: name, principal: access.roleArn } : undefined;
}

/** A key with our statements removed from its policy, and where the request names it. */
type AskedKey = LiveKey & { pointer: string };

/** The access to a key that one role needs. */
interface Need {
  roleKey: string;
  roleArn: string;
  actions: string[];
}

/**
 * The stacks that roles need because a key's own policy gives them nothing. They wait for the role. Each holds a grant if the giver may
 * make one, else a statement in the key's policy if the giver may write that.
 *
 * @throws ProblemError key_policy_denies when the key's policy denies explicitly: nothing of ours can lift that; key_not_usable when it
 *   lets the giver do neither
 */
export function keyGrants(
  integration: string,
  { specs, contract, expectations }: Pick<DesiredStacks, "specs" | "contract" | "expectations">,
  keys: readonly LiveKey[],
  giver?: Giver,
): StackSpec[] {
  return keys.flatMap((key) => {
    const policy = giver ? withoutOwn(key.policy, sidPrefix(giver.tenant, integration)) : key.policy;
    const foreign: AskedKey = { ...key, policy, pointer: pointerTo(expectations, key.arn) };
    const needs = contract.roles.flatMap((role): Need[] => {
      const spec = specs.filter(isRole).find(({ inputs }) => role.roleArn.endsWith(`role/${inputs.name}`));
      const actions = role.grants.filter((grant) => grant.resources.includes(key.arn)).flatMap((grant) => grant.actions);
      const needed = actions.filter((action) => needsGrant(role.roleArn, action, foreign));
      return !spec || needed.length === 0 ? [] : [{ roleKey: spec.key, roleArn: role.roleArn, actions: needed }];
    });
    if (needs.length === 0) return [];
    const keyId = key.arn.split("/").at(-1) ?? "";
    const access =
      giver === undefined || lets(giver, foreign, "kms:CreateGrant") ? byGrants(needs) : byStatements(needs, integration, giver, foreign);
    return [{ kind: "kms-key" as const, key: `${integration}.${keyId}`, inputs: { existingKeyArn: key.arn, ...access } }];
  });
}

// A reference: the role exists before the key names it, and is destroyed after that.
const roleOf = ({ roleKey }: Need): string => reference("role", roleKey, "roleArn") as unknown as string;

function byGrants(needs: readonly Need[]): Pick<KmsGrantsInputs, "grants"> {
  const grants = needs.map((need) => {
    const operations = [...new Set(need.actions.flatMap(operationsOf))].sort();
    return { name: `drawbridge-${need.roleKey}`, granteePrincipal: roleOf(need), operations };
  });
  return { grants };
}

function byStatements(
  needs: readonly Need[],
  integration: string,
  giver: Giver,
  key: AskedKey,
): Pick<KmsGrantsInputs, "grants" | "statements"> {
  if (!lets(giver, key, "kms:PutKeyPolicy")) {
    throw new ProblemError(
      "key_not_usable",
      `The policy of key ${key.arn} neither leaves the decision to the account's IAM nor lets ${giver.principal} make a grant (kms:CreateGrant) or add a statement (kms:PutKeyPolicy). Let it do one of these.`,
      { pointer: key.pointer },
    );
  }
  const statements = needs.map(
    (need): Statement => ({
      Sid: ourSid(giver.tenant, integration, `use-${need.roleKey}`),
      Effect: "Allow",
      Principal: { AWS: roleOf(need) },
      Action: [...new Set(need.actions)].sort(),
      Resource: "*", // in a key's policy: this key
    }),
  );
  return { grants: [], statements };
}

/** Whether the key's policy lets the giver do this. AWS judges the giver's own policies. */
function lets(giver: Giver, key: LiveKey, action: string): boolean {
  const request = { principal: giver.principal, action, resource: key.arn, context: {} };
  const keyPolicy = { name: `policy of ${key.arn}`, document: key.policy };
  return evaluate(request, { keyPolicy, resourceAccount: key.accountId, assumeCallerAllows: true }).decision === "allowed";
}

const withoutOwn = (policy: PolicyDocument, prefix: string): PolicyDocument =>
  unmergeStatements(policy, prefix) ?? { ...policy, Statement: [] };

/** Why the statements of these stacks need an approval, in sentences. Statements that are already in the key's policy need none. */
export function statementReasons(specs: readonly StackSpec[], contract: AccessContract, keys: readonly LiveKey[]): string[] {
  return specs.flatMap((spec) => {
    if (!isKeyAccess(spec)) return [];
    const { existingKeyArn, statements = [] } = spec.inputs;
    const there = keys.find(({ arn }) => arn === existingKeyArn)?.policy.Statement ?? [];
    const resolved = statements.map((statement) => resolveReferences(statement, (ref) => roleArnOf(specs, contract, ref.key)));
    return resolved
      .filter((statement) => !there.some((one) => sameDocument(alone(one), alone(statement))))
      .map(
        ({ Action }) =>
          `The policy of key ${existingKeyArn}, which isn't ours, would get a statement that lets the vendor's role do ${listOf(Action).join(", ")}.`,
      );
  });
}

const alone = (statement: Statement): PolicyDocument => ({ Version: "2012-10-17", Statement: [statement] });

function roleArnOf(specs: readonly StackSpec[], contract: AccessContract, key: string): string {
  const name = specs.filter(isRole).find((one) => one.key === key)?.inputs.name ?? key;
  return contract.roles.find(({ roleArn }) => roleArn.endsWith(`role/${name}`))?.roleArn ?? name;
}

function needsGrant(roleArn: string, action: string, key: AskedKey): boolean {
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
      { pointer: key.pointer },
    );
  }
  return decision !== "allowed";
}
