/** The role that nearly every vendor needs, as a stack spec. */
import { ownershipTags } from "../../stacks/name.ts";
import type { InlinePolicy, StackSpec } from "../../stacks/stack.ts";
import type { TrustedParty } from "../iam/contract.ts";
import { closedTrust, vendorTrust } from "../iam/trust.ts";
import type { BlueprintContext } from "./blueprint.ts";

interface RoleWish {
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

/** The ARN that a role of this name gets in the context's account: roles we make have the path `/`. */
export function roleArn(context: BlueprintContext, name: string): string {
  return `arn:${context.partition}:iam::${context.accountId}:role/${name}`;
}

/**
 * An outside account's principal under each id that works now; nobody while there is none, because the id is the only thing
 * that tells this tenant from another (AWS IAM user guide, "The confused deputy problem").
 */
export function trustedWithExternalId(principal: string, context: BlueprintContext): TrustedParty[] {
  return context.externalIds.length === 0 ? [] : [{ principal, externalIds: context.externalIds }];
}

/** The stack spec of a role: closed trust when nobody is trusted, the tenant's boundary and tags, ownership tags. */
export function roleStack(wish: RoleWish): StackSpec {
  const { context } = wish;
  const key = roleStackKey(context.integration, wish.purpose);
  return {
    kind: "role",
    key,
    inputs: {
      name: wish.name,
      description: wish.description,
      trust: wish.trusted.length === 0 ? closedTrust() : vendorTrust(wish.trusted),
      inlinePolicies: wish.inlinePolicies,
      managedPolicyArns: wish.managedPolicyArns ?? [],
      ...(context.permissionsBoundaryArn && { permissionsBoundaryArn: context.permissionsBoundaryArn }),
      tags: { ...context.tags, ...wish.tags, ...ownershipTags(context.tenant, context.integration, "role", key) },
    },
  };
}
