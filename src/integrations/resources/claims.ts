/** The resources of the tenant's account that an integration claims. Two tenants of one account don't work on the same resource. */
import type { StackSpec } from "../../../stacks/stack.ts";
import { type BlueprintContext, type Expectations, pointerTo } from "../../blueprints/parts/blueprint.ts";
import type { AccessContract } from "../../iam/contract/contract.ts";
import { canonicalResource } from "../../model/claim.ts";
import type { IntegrationRecord } from "../../model/integration.ts";
import { ProblemError } from "../../problem.ts";
import { claimedByAnother, claimResources } from "../../store/claims/resources.ts";
import type { Db } from "../../store/database/transaction.ts";
import { lockName } from "../../store/tenants.ts";
import { rulesOf } from "../stacks/kinds.ts";

export interface Claims {
  accountId: string;
  /** Pointers into the body of a PUT, by resource: `role/<name>`, `bucket/<name>`, `alias/<name>`, `key/<ARN>`, or another ARN */
  pointers: ReadonlyMap<string, string>;
}

interface Named {
  expectations: Expectations;
  specs: readonly StackSpec[];
  contract: AccessContract;
  vendorOwned: readonly { arn: string }[];
}

/**
 * Everything in the account that these stacks write or give access to. The vendor's own buckets and keys, and those of other accounts, aren't
 * the account's. Pure.
 */
export function claimsOf(
  { expectations, specs, contract, vendorOwned }: Named,
  { accountId }: Pick<BlueprintContext, "accountId">,
): Claims {
  const { buckets, roleNames, keyArns } = expectations;
  const granted = contract.roles.flatMap(({ grants }) => grants.flatMap(({ resources }) => resources));
  const named: [resource: string, name: string][] = [
    ...buckets.map((name): [string, string] => [`bucket/${name}`, name]),
    ...roleNames.map((name): [string, string] => [`role/${name}`, name]),
    ...[...keyArns, ...granted.filter((one) => typeof one === "string")].flatMap((arn) => resourceOf(arn, accountId, vendorOwned)),
    ...specs.flatMap((spec) => rulesOf(spec).named.map((resource): [string, string] => [resource, resource])),
  ];
  return {
    accountId,
    pointers: new Map(named.toReversed().map(([resource, name]) => [canonicalResource(resource), pointerTo(expectations, name)])),
  };
}

/** The resource that an ARN names; none for a pattern, for another account's, and for the vendor's. */
function resourceOf(arn: string, accountId: string, vendorOwned: readonly { arn: string }[]): [string, string][] {
  const [, , service, , account, ...rest] = arn.split(":");
  if (vendorOwned.some((one) => arn === one.arn || arn.startsWith(`${one.arn}/`))) return [];
  const bucket = service === "s3" ? rest.join(":").split("/")[0] : undefined;
  if (bucket !== undefined) return /[*?]/.test(bucket) ? [] : [[`bucket/${bucket}`, bucket]];
  if (account !== accountId || /[*?]/.test(arn)) return [];
  return [[service === "kms" ? `key/${arn}` : arn, arn]];
}

/**
 * Refuses claims on what another tenant of the account has. The refusal doesn't name that tenant.
 *
 * @throws ProblemError claimed_by_another
 */
export async function refuseClaimed(
  db: Db,
  { accountId, pointers }: Claims,
  integration: Pick<IntegrationRecord, "tenant" | "name">,
): Promise<void> {
  const [taken] = await claimedByAnother(db, { accountId, resources: [...pointers.keys()] }, integration);
  if (taken === undefined) return;
  throw new ProblemError(
    "claimed_by_another",
    `Another tenant of this account uses ${taken}. Name another resource, or ask an administrator to grant it with POST /v1/claims/grants.`,
    { pointer: pointers.get(taken) ?? "/parameters" },
  );
}

/**
 * Claims the resources for the integration, or refuses them.
 *
 * @throws ProblemError claimed_by_another
 */
export async function claim(trx: Db, claims: Claims, integration: Pick<IntegrationRecord, "tenant" | "name">): Promise<void> {
  const { accountId, pointers } = claims;
  if (pointers.size === 0) return;
  // If two tenants claim one resource at once, the second must see the first one's claim.
  await lockName(trx, { account: accountId });
  await refuseClaimed(trx, claims, integration);
  await claimResources(trx, { accountId, resources: [...pointers.keys()] }, integration);
}
