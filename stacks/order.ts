/** The order in which an integration's stacks are updated and destroyed, from the references between them. */
import { kindFacts } from "./kind-facts.ts";
import { referencesOf } from "./references.ts";
import type { Reference, StackSpec } from "./stack.ts";

const id = (stack: { kind: string; key: string }): string => `${stack.kind}/${stack.key}`;

/**
 * Layers for `up`. The stacks of a layer are independent and may run side by side; each layer needs only earlier ones.
 *
 * @throws Error on a reference to a stack that isn't there, or on a cycle: both are faults of a blueprint.
 */
export function upOrder(specs: readonly StackSpec[]): StackSpec[][] {
  return layersOf(specs, () => true);
}

/** Waits only for the references that `counts` accepts: a teardown may hold only some of the stacks. */
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

/** Layers for `destroy`, in reverse order. All stacks of a kind that is destroyed last (kind-facts.ts) are in one layer at the end. */
export function downOrder(specs: readonly StackSpec[]): StackSpec[][] {
  const known = new Set(specs.map(id));
  const layers = layersOf(specs, (ref) => known.has(id(ref))).reverse();
  const isLast = ({ kind }: StackSpec): boolean => kindFacts[kind].destroyedLast;
  const others = layers.map((layer) => layer.filter((spec) => !isLast(spec))).filter((layer) => layer.length > 0);
  const last = specs.filter(isLast);
  return last.length > 0 ? [...others, last] : others;
}
