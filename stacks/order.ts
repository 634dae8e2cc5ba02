/** The order in which an integration's stacks go up and come down, from the references between them. */
import { referencesOf } from "./references.ts";
import type { Reference, StackSpec } from "./stack.ts";

const id = (stack: { kind: string; key: string }): string => `${stack.kind}/${stack.key}`;

/**
 * Layers for `up`: the stacks inside a layer are independent and may run side by side; each layer needs only earlier ones.
 *
 * @throws Error on a reference to a stack that isn't there, or on a cycle: both are faults of a blueprint.
 */
export function upOrder(specs: readonly StackSpec[]): StackSpec[][] {
  return layersOf(specs, () => true);
}

/** Only the references that `counts` accepts are waited for: a teardown may hold a part of the stacks. */
function layersOf(specs: readonly StackSpec[], counts: (ref: Reference["$ref"]) => boolean): StackSpec[][] {
  const known = new Set(specs.map(id));
  const layers: StackSpec[][] = [];
  const done = new Set<string>();
  let waiting = [...specs];
  while (waiting.length > 0) {
    const layer = waiting.filter((spec) => referencesOf(spec).every((ref) => !counts(ref) || done.has(id(ref))));
    if (layer.length === 0) {
      const missing = waiting.flatMap((spec) => referencesOf(spec).filter((ref) => !known.has(id(ref))));
      throw new Error(
        missing.length > 0 ? `no such stack: ${missing.map(id).join(", ")}` : `references form a circle: ${waiting.map(id).join(", ")}`,
      );
    }
    layers.push(layer);
    for (const spec of layer) done.add(id(spec));
    waiting = waiting.filter((spec) => !done.has(id(spec)));
  }
  return layers;
}

/**
 * Layers for `destroy`: the reverse, with every role in a last layer of its own. A role that goes before the statements that
 * name it leaves a unique id (`AROA…`) in somebody's policy, which blocks every later edit of that policy (AWS IAM user
 * guide, "AWS JSON policy elements: Principal").
 */
export function downOrder(specs: readonly StackSpec[]): StackSpec[][] {
  const known = new Set(specs.map(id));
  const layers = layersOf(specs, (ref) => known.has(id(ref))).reverse();
  const others = layers.map((layer) => layer.filter((spec) => spec.kind !== "role")).filter((layer) => layer.length > 0);
  const roles = specs.filter((spec) => spec.kind === "role");
  return roles.length > 0 ? [...others, roles] : others;
}
