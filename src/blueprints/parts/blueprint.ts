/** What a vendor is to Drawbridge: a versioned recipe from parameters to stacks, an access contract and a hand-off. */
import type { z } from "zod";
import type { StackSpec } from "../../../stacks/stack.ts";
import type { AccessContract } from "../../iam/contract/contract.ts";
import type { PolicyDocument } from "../../iam/words/policy-document.ts";

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
  /**
   * What the integration's stacks gave out so far, by `<kind>/<key>`. Stacks never look at it (they name outputs by reference, so
   * that a spec stays the same), but the contract and the hand-off need the ARNs that only AWS could choose.
   */
  outputs?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The policy that the vendor issued for the role, checked by `vendorPolicy.check`, where the blueprint takes one. */
  vendorPolicy?: PolicyDocument;
}

/** A field of the vendor's setup form. */
export interface HandOffField {
  /** The vendor's own name for it. */
  field: string;
  value: string;
  /** Where the vendor asks for it. */
  where: string;
  /** An external id: shown whole in the hand-off that the customer asks for, as a fingerprint everywhere else. */
  sensitive?: true;
}

/** The external id as this vendor handles it. */
export interface ExternalIdRule {
  /** Who makes it. `drawbridge`: we generate one when none is given. `none`: only services of the own account assume the roles. */
  issuer: "vendor" | "tenant" | "drawbridge" | "none";
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
  encryption: { bucket: string; algorithm: "AES256" | "aws:kms"; kmsKeyArn?: string; mismatch: "error" | "warning"; pointer: string }[];
  /** Where the parameters name a bucket, a role or a key, or what its name is made from: an RFC 6901 pointer into the body of a PUT. */
  pointers: Readonly<Record<string, string>>;
}

/** The pointer to what an expectation is about; to all parameters where none is given. */
export const pointerTo = ({ pointers }: Pick<Expectations, "pointers">, name: string): string => pointers[name] ?? "/parameters";

/** A policy that the vendor issues after it has seen the role, and that is attached word for word. */
export interface VendorPolicyRule<Parameters> {
  /** Who issues it, for people. */
  from: string;
  /** Whether it is still awaited with these parameters, as long as none was given. */
  awaited(parameters: Parameters): boolean;
  /** What is wrong with a document, in sentences; empty when it may be attached. */
  check(document: PolicyDocument, parameters: Parameters): string[];
}

/** Where we don't do as the vendor's guide prints, and why. */
export interface Difference {
  guide: string;
  here: string;
  why: string;
}

/** A document that the customer may need beside the fields, such as a policy for whoever sets up the rest. */
export interface HandOffDocument {
  name: string;
  what: string;
  document: PolicyDocument;
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
  /** Parameters that can't change once the integration exists: names of roles and what those names are made from. */
  immutable: readonly string[];
  /** How the roles are called when no parameter says it; a `*` stands for any text. A tenant's bootstrap lets these be made. */
  roleNames: readonly string[];
  externalId: ExternalIdRule;
  /** What the vendor may do, for people. */
  access: string[];
  differences: Difference[];
  /** What the vendor's own guide says of faults, by the proof row that shows them. */
  troubleshooting: { row: string; means: string }[];
  handOffFields: { field: string; what: string }[];
  /** The desired stacks, in no particular order. */
  stacks(parameters: Parameters, context: BlueprintContext): StackSpec[];
  contract(parameters: Parameters, context: BlueprintContext): AccessContract;
  expectations(parameters: Parameters, context: BlueprintContext): Expectations;
  handOff(parameters: Parameters, context: BlueprintContext): HandOffField[];
  handOffDocuments?(parameters: Parameters, context: BlueprintContext): HandOffDocument[];
  vendorPolicy?: VendorPolicyRule<Parameters>;
  /** The vendor, where the parameters and not this file say who it is. */
  vendorNamed?(parameters: Parameters): string;
  /** Principals that the parameters name, and not this file, and where: each must be on the administrator's list of trusted principals. */
  outsidePrincipals?(parameters: Parameters): { arn: string; pointer: string }[];
  /** Principals that the vendor shows to the customer: each is on the administrator's list, or waits for somebody else's approval. */
  shownPrincipals?(parameters: Parameters): string[];
  /** ARNs of keys and buckets that are the vendor's side's own, and where the request names them: none may be the tenant's. */
  vendorOwned?(parameters: Parameters, context: BlueprintContext): { arn: string; pointer: string }[];
  /** Why going from `before` (undefined: nothing) to `after` needs somebody else's approval, in sentences; empty when it needs none. */
  approvals?(before: Parameters | undefined, after: Parameters): string[];
}

/** Gives a blueprint's own file its parameter types and the registry one common type. */
export function defineBlueprint<Parameters>(blueprint: Blueprint<Parameters>): Blueprint {
  const read = (parameters: unknown): Parameters => blueprint.parameters.parse(parameters);
  const { vendorPolicy, vendorNamed, outsidePrincipals, shownPrincipals, vendorOwned, approvals, handOffDocuments, ...always } = blueprint;
  return {
    ...always,
    stacks: (parameters, context) => blueprint.stacks(read(parameters), context),
    contract: (parameters, context) => blueprint.contract(read(parameters), context),
    expectations: (parameters, context) => blueprint.expectations(read(parameters), context),
    handOff: (parameters, context) => blueprint.handOff(read(parameters), context),
    ...(handOffDocuments && { handOffDocuments: (parameters, context) => handOffDocuments(read(parameters), context) }),
    ...(vendorNamed && { vendorNamed: (parameters) => vendorNamed(read(parameters)) }),
    ...(outsidePrincipals && { outsidePrincipals: (parameters) => outsidePrincipals(read(parameters)) }),
    ...(shownPrincipals && { shownPrincipals: (parameters) => shownPrincipals(read(parameters)) }),
    ...(vendorOwned && { vendorOwned: (parameters, context) => vendorOwned(read(parameters), context) }),
    ...(approvals && { approvals: (before, after) => approvals(before === undefined ? undefined : read(before), read(after)) }),
    ...(vendorPolicy && {
      vendorPolicy: {
        from: vendorPolicy.from,
        awaited: (parameters) => vendorPolicy.awaited(read(parameters)),
        check: (document, parameters) => vendorPolicy.check(document, read(parameters)),
      },
    }),
  };
}
