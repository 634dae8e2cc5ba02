/** Values that one stack takes from another's outputs. */
import type { Reference, StackKind, StackSpec } from "./stack.ts";

/** A reference to another stack's output. It may be anywhere in a spec's inputs, in place of the value. */
export function reference(kind: StackKind, key: string, output: string): Reference {
  return { $ref: { kind, key, output } };
}

const isReference = (value: object): value is Reference => "$ref" in value && Object.keys(value).length === 1;

/** Every reference inside a value, in order of appearance. */
export function referencesIn(value: unknown): Reference["$ref"][] {
  if (typeof value !== "object" || value === null) return [];
  return isReference(value) ? [value.$ref] : Object.values(value).flatMap(referencesIn);
}

/** Every reference inside a spec's inputs: the stacks that must be up before it. */
export function referencesOf(spec: StackSpec): Reference["$ref"][] {
  return referencesIn(spec.inputs);
}

/**
 * The value with every reference in it replaced by the result of `outputOf`: a spec before its update, a contract before its proof.
 *
 * @throws Error when an output is missing: because of the order (order.ts) this is a fault of ours, never of a request.
 */
export function resolveReferences<T>(value: T, outputOf: (ref: Reference["$ref"]) => unknown): T {
  const resolve = (inner: unknown): unknown => {
    if (typeof inner !== "object" || inner === null) return inner;
    if (Array.isArray(inner)) return inner.map(resolve);
    if (!isReference(inner)) return Object.fromEntries(Object.entries(inner).map(([key, one]) => [key, resolve(one)]));
    const output = outputOf(inner.$ref);
    if (output === undefined) throw new Error(`stack ${inner.$ref.kind}/${inner.$ref.key} has no output ${inner.$ref.output}`);
    return output;
  };
  return resolve(value) as T;
}
