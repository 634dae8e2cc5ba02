/** What a vendor is to Drawbridge: a versioned recipe from parameters to stacks, an access contract and a hand-off. */
import type { z } from "zod";
import type { StackSpec } from "../../stacks/stack.ts";
import type { AccessContract } from "../iam/contract.ts";

/** Everything a recipe may look at beside its parameters. Plain data: the same context gives the same stacks. */
export interface BlueprintContext {
  tenant: string;
  integration: string;
  accountId: string;
  region: string;
  partition: "aws" | "aws-cn" | "aws-us-gov";
  /** The ids that must work now: one, two during a rotation's overlap, none while the trust is closed. */
  externalIds: string[];
  permissionsBoundaryArn?: string;
  /** The tenant's own tags, put on everything. */
  tags: Record<string, string>;
}

/** A field of the vendor's setup form. */
export interface HandOffField {
  /** The vendor's own name for it. */
  field: string;
  value: string;
  /** Where the vendor asks for it. */
  where: string;
}

/** The external id as this vendor handles it. */
export interface ExternalIdRule {
  /** Who makes it. `drawbridge`: we generate one when none is given. */
  issuer: "vendor" | "tenant" | "drawbridge";
  /** Sample values that the vendor's guide prints; never accepted. */
  samples: string[];
}

/** What preflight must find true in AWS before anything is written. */
export interface Expectations {
  /** Buckets of this account and region that must exist. */
  buckets: string[];
  /** Role names that must be free or ours. */
  roleNames: string[];
  /** Keys that must be usable. */
  keyArns: string[];
  /** Per bucket, the default encryption that the parameters claim. `mismatch` says how bad it is when it differs. */
  encryption: { bucket: string; algorithm: "AES256" | "aws:kms"; kmsKeyArn?: string; mismatch: "error" | "warning" }[];
}

export interface Blueprint<Parameters = unknown> {
  id: string;
  vendor: string;
  /** Semantic version; an integration pins it. */
  version: string;
  title: string;
  source: { document: string; date: string };
  /** Strict, and without `externalId`, which has rules of its own for every vendor. */
  parameters: z.ZodType<Parameters>;
  externalId: ExternalIdRule;
  /** What the vendor may do, for people. */
  access: string[];
  handOffFields: { field: string; what: string }[];
  /** The desired stacks, in no particular order. */
  stacks(parameters: Parameters, context: BlueprintContext): StackSpec[];
  contract(parameters: Parameters, context: BlueprintContext): AccessContract;
  expectations(parameters: Parameters, context: BlueprintContext): Expectations;
  handOff(parameters: Parameters, context: BlueprintContext): HandOffField[];
}

/** Gives a blueprint's own file its parameter types and the registry one common type. */
export function defineBlueprint<Parameters>(blueprint: Blueprint<Parameters>): Blueprint {
  return {
    ...blueprint,
    stacks: (parameters, context) => blueprint.stacks(blueprint.parameters.parse(parameters), context),
    contract: (parameters, context) => blueprint.contract(blueprint.parameters.parse(parameters), context),
    expectations: (parameters, context) => blueprint.expectations(blueprint.parameters.parse(parameters), context),
    handOff: (parameters, context) => blueprint.handOff(blueprint.parameters.parse(parameters), context),
  };
}
