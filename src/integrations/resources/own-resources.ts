/**
 * Resources that no integration may use: those that the service itself needs, and the tenant's own where the vendor's are required. Pure.
 */
import type { StackSpec } from "../../../stacks/stack.ts";
import type { BlueprintContext, Expectations } from "../../blueprints/parts/blueprint.ts";
import type { AccessContract } from "../../iam/contract/contract.ts";
import { ProblemError } from "../../problem.ts";
import type { ServiceResources } from "../context.ts";
import { rulesOf } from "../stacks/kinds.ts";

/**
 * Refuses an integration that names the service's state bucket or secrets key: access to these is access to every account.
 *
 * @throws ProblemError guardrail
 */
export function refuseServiceResources(
  { stateUrl, secrets }: ServiceResources,
  { expectations, specs, contract }: { expectations: Expectations; specs: readonly StackSpec[]; contract: AccessContract },
): void {
  const bucket = new URL(stateUrl).host;
  const named = contract.roles
    .flatMap(({ grants }) => grants.flatMap(({ resources }) => resources))
    .filter((one) => typeof one === "string");
  const buckets = [
    ...expectations.buckets,
    ...specs.flatMap((spec) => rulesOf(spec).bucket ?? []),
    ...named.flatMap((arn) => /:s3:::([^/]+)/.exec(arn)?.[1] ?? []),
  ];
  if (buckets.includes(bucket)) throw ofTheService(`Bucket ${bucket} holds`);
  const url = secrets?.provider === "awskms" ? secrets.url : "";
  const key = /^awskms:\/\/\/?(?:arn:[^?]*:key\/)?([0-9a-zA-Z-]+)(?:\?|$)/.exec(url)?.[1];
  const keys = [...expectations.keyArns, ...named.filter((arn) => arn.includes(":kms:"))];
  if (key !== undefined && keys.some((arn) => arn.endsWith(`:key/${key}`))) throw ofTheService("That key encrypts");
}

const ofTheService = (what: string): ProblemError =>
  new ProblemError("guardrail", `${what} the state of Drawbridge itself. No integration may name it. Use another one.`, {
    cause: "service-resource",
  });

/**
 * Refuses a key of the tenant's account where the vendor's key is required: the tenant would give away what this key encrypts.
 *
 * @throws ProblemError invalid_parameters
 */
export function refuseOwnInsteadOfVendors(
  owned: readonly { arn: string; pointer: string }[],
  { accountId }: Pick<BlueprintContext, "accountId">,
): void {
  const own = owned.find(({ arn }) => arn.split(":")[4] === accountId);
  if (own) throw ownInstead(own);
}

/** The error for a resource of the tenant where the vendor's is required. */
export const ownInstead = ({ arn, pointer }: { arn: string; pointer: string }): ProblemError =>
  new ProblemError("invalid_parameters", `${arn} is in the tenant's own account. Name the vendor's own, as the vendor shows it.`, {
    pointer,
  });
