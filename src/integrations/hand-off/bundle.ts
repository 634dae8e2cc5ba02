/** What a customer or vendor receives: the form's fields, the raw documents, and what the stacks would make. Pure. */

import { resolveReferences } from "../../../stacks/references.ts";
import type { Reference, StackSpec } from "../../../stacks/stack.ts";
import type { Blueprint, BlueprintContext, HandOffField } from "../../blueprints/parts/blueprint.ts";
import { rulesOf } from "../stacks/kinds.ts";
import type { NamedPolicy } from "./template-parts.ts";

export interface HandOff {
  integration: string;
  title: string;
  blueprint: string;
  version: string;
  source: Blueprint["source"];
  accountId: string;
  region: string;
  partition: BlueprintContext["partition"];
  /** Whether the external ids are in clear. If not, they are fingerprints, and the template asks for one. */
  revealed: boolean;
  /** In the vendor's own names and order */
  fields: HandOffField[];
  documents: NamedPolicy[];
  /** For the template, with references. */
  specs: StackSpec[];
}

/** The complete hand-off of an integration. Only the tenant may see it, and it never goes into a log. */
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
    revealed: true,
    fields: blueprint.handOff(parameters, context),
    documents: [
      ...specs.map((spec) => readable(spec, specs, context)).flatMap((spec) => rulesOf(spec).documents()),
      ...(blueprint.handOffDocuments?.(parameters, context) ?? []),
    ],
    specs,
  };
}

/** The spec with every output that is known or that follows from a name. Words stand for the others. */
function readable(spec: StackSpec, specs: readonly StackSpec[], context: BlueprintContext): StackSpec {
  const outputOf = (ref: Reference["$ref"]): unknown => {
    const known = context.outputs?.[`${ref.kind}/${ref.key}`]?.[ref.output];
    if (known !== undefined) return known;
    const source = specs.find((one) => one.kind === ref.kind && one.key === ref.key);
    return (source && rulesOf(source).foresee(ref.output, context)) ?? `(${ref.output} of ${ref.kind}/${ref.key})`;
  };
  return resolveReferences(spec, outputOf);
}
