/** The rules of a stack, by its kind. A new kind needs its file and one line here. */
import type { SpecOf, StackKind, StackSpec } from "../../../stacks/stack.ts";
import type { RoleToFind } from "../../accounts/inventory.ts";
import type { IntegrationRecord } from "../../model/integration.ts";
import { stackId } from "../work.ts";
import { bucketPolicyRules } from "./bucket-policy.ts";
import { collectorRules } from "./collector.ts";
import { keyAccessRules } from "./key-access.ts";
import { ownedKeyRules } from "./owned-key.ts";
import { recordedRoleId, roleRules } from "./role.ts";
import type { StackRules } from "./stack-rules.ts";

const kinds: { [K in StackKind]: (spec: SpecOf<K>) => StackRules } = {
  role: roleRules,
  "bucket-policy": bucketPolicyRules,
  // Two kinds have this recorded name. Their inputs tell them apart.
  "kms-key": ({ kind, key, inputs }) =>
    "existingKeyArn" in inputs ? keyAccessRules({ kind, key, inputs }) : ownedKeyRules({ kind, key, inputs }),
  collector: collectorRules,
};

/** What Drawbridge does with this stack. */
export function rulesOf<K extends StackKind>(spec: SpecOf<K>): StackRules {
  return kinds[spec.kind](spec);
}

/** What a run must hold while a stack changes: the stack, and the documents that it shares with others, also with other tenants. */
export function leasesOf(tenant: string, spec: StackSpec): string[] {
  return [`stack:${tenant}/${stackId(spec)}`, ...rulesOf(spec).sharedDocuments];
}

/** The roles that an integration's recorded stacks make, each with the unique id from its last update. */
export function rolesOf({ stacks }: Pick<IntegrationRecord, "stacks">): RoleToFind[] {
  return stacks.flatMap(({ spec, outputs }) => {
    const { role } = rulesOf(spec);
    return role ? [{ name: role.name, ...recordedRoleId(outputs) }] : [];
  });
}
