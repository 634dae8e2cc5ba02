/** Values that one stack takes from another's outputs. */
import type { Reference, StackKind, StackSpec } from "./stack.ts";

/** A reference to another stack's output, to stand anywhere in a spec's inputs where its value will. */
export function reference(kind: StackKind, key: string, output: string): Reference {
  return { $ref: { kind, key, output } };
}

const isReference = (value: object): value is Reference => "$ref" in value && Object.keys(value).length === 1;

/** Every reference inside a spec's inputs, in order of appearance. */
export function referencesOf(spec: StackSpec): Reference["$ref"][] {
  const found: Reference["$ref"][] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if (isReference(value)) {
      found.push(value.$ref);
      return;
    }
    for (const inner of Object.values(value)) walk(inner);
  };
  walk(spec.inputs);
  return found;
}

/**
 * The spec with every reference replaced by the value that `outputOf` gives.
 *
 * @throws Error when an output is missing: the order (order.ts) makes that a fault of ours, never of a request.
 */
export function resolveReferences<S extends StackSpec>(spec: S, outputOf: (ref: Reference["$ref"]) => unknown): S {
  const resolve = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(resolve);
    if (!isReference(value)) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolve(inner)]));
    const output = outputOf(value.$ref);
    if (output === undefined) throw new Error(`stack ${value.$ref.kind}/${value.$ref.key} has no output ${value.$ref.output}`);
    return output;
  };
  return { ...spec, inputs: resolve(spec.inputs) };
}
