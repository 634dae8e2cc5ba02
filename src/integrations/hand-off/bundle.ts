/** What a customer or vendor is handed: the form's fields, the raw documents, and what the stacks would make. Pure. */

import { resolveReferences } from "../../../stacks/references.ts";
import type { Reference, StackSpec } from "../../../stacks/stack.ts";
import type { Blueprint, BlueprintContext, HandOffField } from "../../blueprints/parts/blueprint.ts";
import { roleArn } from "../../blueprints/parts/role-stack.ts";
import type { PolicyDocument } from "../../iam/words/policy-document.ts";

export interface NamedPolicy {
  name: string;
  /** What to do with it, in a sentence. */
  what: string;
  document: PolicyDocument;
}

export interface HandOff {
  integration: string;
  title: string;
  blueprint: string;
  version: string;
  source: Blueprint["source"];
  accountId: string;
  region: string;
  partition: BlueprintContext["partition"];
  /** In the vendor's own names and order; external ids whole. */
  fields: HandOffField[];
  documents: NamedPolicy[];
  /** For the template, references and all. */
  specs: StackSpec[];
}

/** Everything that can be handed out for an integration, whole: it goes to the tenant alone and never into a log. */
export function handOffOf(blueprint: Blueprint, parameters: Record<string, unknown>, context: BlueprintContext): HandOff {
  const specs = blueprint.stacks(parameters, context);
  return {
    integration: context.integration,
    title: blueprint.title,
    blueprint: blueprint.id,
    version: blueprint.version,
    source: blueprint.source,
    accountId: context.accountId,
    region: context.region,
    partition: context.partition,
    fields: blueprint.handOff(parameters, context),
    documents: [
      ...specs.map((spec) => readable(spec, specs, context)).flatMap(documentsOf),
      ...(blueprint.handOffDocuments?.(parameters, context) ?? []),
    ],
    specs,
  };
}

/** The spec with every output that is known or follows from a name in its place, and the others in words. */
function readable(spec: StackSpec, specs: readonly StackSpec[], context: BlueprintContext): StackSpec {
  const outputOf = (ref: Reference["$ref"]): unknown => {
    const known = context.outputs?.[`${ref.kind}/${ref.key}`]?.[ref.output];
    if (known !== undefined) return known;
    const source = specs.find((one) => one.kind === ref.kind && one.key === ref.key);
    if (source?.kind === "role" && ref.output === "roleArn") return roleArn(context, source.inputs.name);
    return `(${ref.output} of ${ref.kind}/${ref.key})`;
  };
  return resolveReferences(spec, outputOf);
}

function documentsOf(spec: StackSpec): NamedPolicy[] {
  if (spec.kind === "role") {
    const { name, trust, inlinePolicies } = spec.inputs;
    return [
      { name: `${name}: trust policy`, what: `Who may assume the role ${name}.`, document: trust },
      ...inlinePolicies.map((policy) => ({
        name: `${name}: ${policy.name}`,
        what: `Inline policy ${policy.name} of the role ${name}.`,
        document: policy.document,
      })),
    ];
  }
  if (spec.kind === "bucket-policy") {
    const what = `Statements to add to the policy of bucket ${spec.inputs.bucket}, beside all that is in it.`;
    return [{ name: `${spec.inputs.bucket}: bucket policy`, what, document: spec.inputs.policy }];
  }
  if (spec.kind === "kms-key" && "policy" in spec.inputs) {
    return [
      { name: `${spec.inputs.alias}: key policy`, what: `The policy of the key ${spec.inputs.alias}.`, document: spec.inputs.policy },
    ];
  }
  return [];
}
