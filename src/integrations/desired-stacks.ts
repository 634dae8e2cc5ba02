/** From a tenant's request to the stacks that make it so. Pure: everything that a vendor gets is decided here. */
import { hash } from "node:crypto";
import type { ZodError } from "zod";
import type { StackSpec } from "../../stacks/stack.ts";
import type { Blueprint, BlueprintContext, Expectations, HandOffField } from "../blueprints/parts/blueprint.ts";
import { findBlueprint } from "../blueprints/registry.ts";
import type { AccessContract } from "../iam/contract/contract.ts";
import { guardrailViolations } from "../iam/guardrails/guardrails.ts";
import { canonicalJson, type PolicyDocument } from "../iam/words/policy-document.ts";
import type { TenantRecord } from "../model/tenant.ts";
import { ProblemError } from "../problem.ts";
import { maskedFields } from "./hand-off/masked.ts";
import { type Claims, claimsOf } from "./resources/claims.ts";
import { refuseOwnInsteadOfVendors } from "./resources/own-resources.ts";
import { rulesOf } from "./stacks/kinds.ts";

/** An integration as it was requested, parsed and frozen. An operation carries it, so a later change can't alter what runs. */
export interface DesiredIntegration {
  integration: string;
  blueprint: string;
  version: string;
  parameters: Record<string, unknown>;
  /** The ids that must work. */
  externalIds: string[];
  /** The policy that the vendor issued, where its blueprint takes one. */
  vendorPolicy?: PolicyDocument;
  /** When (RFC 3339) the vendor was revoked. Then no role trusts anybody, whatever the parameters say, and older sessions are denied. */
  revoked?: string;
  /** Who approved the access that the blueprint gives only with an approval. */
  approvedBy?: string;
  /** The outputs of the stacks so far, by `<kind>/<key>`. The contract may need ARNs that only AWS can choose. */
  outputs?: Record<string, Record<string, unknown>>;
}

export interface DesiredStacks {
  blueprint: Blueprint;
  specs: StackSpec[];
  contract: AccessContract;
  expectations: Expectations;
  /** Resources that must belong to the vendor, and where the request names them */
  vendorOwned: { arn: string; pointer: string }[];
  /** The resources of the tenant's account that it uses */
  claims: Claims;
  /** external ids masked */
  handOff: HandOffField[];
  /** SHA-256 (hex) over the specs: equal specs need no new run. */
  specHash: string;
}

const PARTITIONS: [RegExp, BlueprintContext["partition"]][] = [
  [/^cn-/, "aws-cn"],
  [/^us-gov-/, "aws-us-gov"],
];

/** The AWS partition that a region belongs to. */
export function partitionOf(region: string): BlueprintContext["partition"] {
  return PARTITIONS.find(([pattern]) => pattern.test(region))?.[1] ?? "aws";
}

/**
 * The blueprint that a request names.
 *
 * @throws ProblemError unknown_blueprint
 */
export function requireBlueprint(id: string, version?: string): Blueprint {
  const blueprint = findBlueprint(id, version);
  if (blueprint) return blueprint;
  const known = findBlueprint(id);
  const detail = known
    ? `Blueprint ${id} has no version ${version}; the newest is ${known.version}.`
    : `There is no blueprint "${id}". GET /v1/blueprints lists them.`;
  throw new ProblemError("unknown_blueprint", detail, { pointer: known ? "/version" : "/blueprint" });
}

/**
 * The parameters as the blueprint reads them, defaults filled in.
 *
 * @throws ProblemError invalid_parameters with a pointer to the first field that is wrong
 */
export function parseParameters(blueprint: Blueprint, parameters: unknown): Record<string, unknown> {
  const parsed = blueprint.parameters.safeParse(parameters);
  if (parsed.success) return parsed.data as Record<string, unknown>;
  const { pointer, detail } = firstIssue(parsed.error);
  throw new ProblemError("invalid_parameters", detail, { pointer });
}

function firstIssue(error: ZodError): { pointer: string; detail: string } {
  const issue = error.issues[0];
  const path = [...(issue?.path ?? []), ...(issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [])];
  const pointer = ["/parameters", ...path.map((part) => String(part).replaceAll("~", "~0").replaceAll("/", "~1"))].join("/");
  return { pointer, detail: `${pointer}: ${issue?.message ?? "not valid"}.` };
}

/** What a blueprint may know about the tenant and the integration. */
export function contextOf(
  tenant: TenantRecord,
  desiredIntegration: Pick<DesiredIntegration, "integration" | "externalIds" | "vendorPolicy" | "outputs">,
): BlueprintContext {
  return {
    tenant: tenant.name,
    integration: desiredIntegration.integration,
    accountId: tenant.accountId,
    region: tenant.region,
    partition: partitionOf(tenant.region),
    externalIds: desiredIntegration.externalIds,
    ...(tenant.permissionsBoundaryArn && { permissionsBoundaryArn: tenant.permissionsBoundaryArn }),
    tags: tenant.tags,
    ...(desiredIntegration.vendorPolicy && { vendorPolicy: desiredIntegration.vendorPolicy }),
    ...(desiredIntegration.outputs && { outputs: desiredIntegration.outputs }),
  };
}

/** The same stacks and contract without any trust. This is how every trust of a revoked vendor is rendered. Pure. */
function closed(specs: StackSpec[], contract: AccessContract, since: string): { specs: StackSpec[]; contract: AccessContract } {
  return {
    specs: specs.map((spec) => rulesOf(spec).closed(since)),
    contract: {
      ...contract,
      roles: contract.roles.map((role) => ({
        ...role,
        trusted: [],
        probePrincipals: [...new Set([...(role.probePrincipals ?? []), ...role.trusted.map((party) => party.principal)])],
      })),
    },
  };
}

/** The contract with the approver of its exceptions. */
function approved(contract: AccessContract, { approvedBy }: Pick<DesiredIntegration, "approvedBy">): AccessContract {
  if (contract.exceptions === undefined || approvedBy === undefined) return contract;
  return { ...contract, exceptions: contract.exceptions.map((exception) => ({ ...exception, approvedBy })) };
}

/**
 * The stacks, contract and hand-off of a desired integration, after every guardrail.
 *
 * @throws ProblemError unknown_blueprint, invalid_parameters for a key of the tenant where the vendor's key is required, guardrail
 */
export function desiredStacks(tenant: TenantRecord, desiredIntegration: DesiredIntegration): DesiredStacks {
  const blueprint = requireBlueprint(desiredIntegration.blueprint, desiredIntegration.version);
  const context = contextOf(tenant, desiredIntegration);
  const open = {
    specs: blueprint.stacks(desiredIntegration.parameters, context),
    contract: approved(blueprint.contract(desiredIntegration.parameters, context), desiredIntegration),
  };
  const { specs, contract } = desiredIntegration.revoked ? closed(open.specs, open.contract, desiredIntegration.revoked) : open;
  const vendorOwned = blueprint.vendorOwned?.(desiredIntegration.parameters, context) ?? [];
  refuseOwnInsteadOfVendors(vendorOwned, context);
  const violation = guardrailViolations(
    specs.flatMap((spec) => rulesOf(spec).guarded()),
    contract,
    context,
  )[0];
  if (violation) {
    throw new ProblemError(
      "guardrail",
      `${violation.document}${violation.sid ? `, statement ${violation.sid}` : ""}: ${violation.detail}`,
      { cause: violation.rule },
    );
  }
  const expectations = blueprint.expectations(desiredIntegration.parameters, context);
  return {
    blueprint,
    specs,
    contract,
    expectations,
    vendorOwned,
    claims: claimsOf({ expectations, specs, contract, vendorOwned }, context),
    handOff: maskedFields(blueprint.handOff(desiredIntegration.parameters, context)),
    specHash: hash("sha256", canonicalJson(specs)),
  };
}
