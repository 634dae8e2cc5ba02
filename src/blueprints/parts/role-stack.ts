/** The role that nearly every vendor needs, as a stack spec. */
import { hash } from "node:crypto";
import { ownershipTags } from "../../../stacks/name.ts";
import type { InlinePolicy, StackSpec } from "../../../stacks/stack.ts";
import type { ContractGrant, TrustedParty } from "../../iam/contract/contract.ts";
import type { PolicyDocument } from "../../iam/words/policy-document.ts";
import { closedTrust, vendorTrust } from "../../iam/words/trust.ts";
import type { BlueprintContext } from "./blueprint.ts";

interface RoleSettings {
  context: BlueprintContext;
  /** Keeps several roles of one integration apart. */
  purpose?: string;
  name: string;
  description: string;
  /** Empty: the trust is closed, nobody can assume the role. */
  trusted: TrustedParty[];
  inlinePolicies: InlinePolicy[];
  managedPolicyArns?: string[];
  /** Tags that the vendor's guide asks for. */
  tags?: Record<string, string>;
}

/** The key of an integration's role stack. */
export function roleStackKey(integration: string, purpose?: string): string {
  return purpose === undefined ? integration : `${integration}.${purpose}`;
}

/**
 * A role name of the integration's own, `<base>-<integration>-<8 hex>`, at most 64 characters: several integrations, and several
 * tenants in one account, don't meet.
 */
export function ownRoleName(base: string, { tenant, integration }: BlueprintContext): string {
  const own = hash("sha256", JSON.stringify([tenant, integration])).slice(0, 8);
  const spaceLeft = 64 - own.length - 1;
  return `${`${base}-${integration}`.slice(0, spaceLeft)}-${own}`;
}

/** The ARN that a role of this name gets in the account: roles we make have the path `/`. */
export function roleArn({ partition, accountId }: { partition: string; accountId: string }, name: string): string {
  return `arn:${partition}:iam::${accountId}:role/${name}`;
}

/**
 * An outside account's principal under each id that works now; nobody while there is none, because the id is the only thing
 * that tells this tenant from another (AWS IAM user guide, "The confused deputy problem").
 */
export function trustedWithExternalId(principal: string, context: BlueprintContext): TrustedParty[] {
  return context.externalIds.length === 0 ? [] : [{ principal, externalIds: context.externalIds }];
}

/** The policy document that gives exactly these grants: one statement each, its Sid the grant's id. */
export function grantsPolicy(grants: readonly ContractGrant[]): PolicyDocument {
  const one = (values: string[]): string | string[] => (values.length === 1 ? (values[0] ?? "") : [...values]);
  return {
    Version: "2012-10-17",
    Statement: grants.map(({ id, actions, resources, condition }) => ({
      Sid: id,
      Effect: "Allow",
      Action: one(actions),
      Resource: one(resources),
      ...(condition && { Condition: condition }),
    })),
  };
}

/** The stack spec of a role: closed trust when nobody is trusted, the tenant's boundary and tags, ownership tags. */
export function roleStack(settings: RoleSettings): StackSpec {
  const { context } = settings;
  const key = roleStackKey(context.integration, settings.purpose);
  return {
    kind: "role",
    key,
    inputs: {
      name: settings.name,
      description: settings.description,
      trust: settings.trusted.length === 0 ? closedTrust() : vendorTrust(settings.trusted),
      inlinePolicies: settings.inlinePolicies,
      managedPolicyArns: settings.managedPolicyArns ?? [],
      ...(context.permissionsBoundaryArn && { permissionsBoundaryArn: context.permissionsBoundaryArn }),
      tags: { ...context.tags, ...settings.tags, ...ownershipTags(context.tenant, context.integration, "role", key) },
    },
  };
}
