/** From the library's nodes to plain JSON values, with what a strict reader doesn't take. */
import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type YAMLMap } from "yaml";
import { yamlLimits } from "./yaml-limits.ts";
import type { Objection } from "./yaml-tokens.ts";

const forbiddenKeys = new Set(["__proto__", "constructor", "prototype"]);

interface Walk {
  /** The last node that has borne the anchor so far: what an alias means (YAML 1.2.2, section 7.1) */
  anchors: Map<string, unknown>;
  /** Nodes that the walk is inside of */
  open: Set<unknown>;
  copies: number;
  characters: number;
}

/** Ends the walk; caught in `plainValue` and seen by nobody else. */
class Refused extends Error {
  readonly objection: Objection;
  constructor(offset: number, detail: string) {
    super(detail);
    this.objection = { offset, detail };
  }
}

/**
 * A document as plain JSON, its aliases written out; or the first thing in it that isn't taken. Each node is looked at once, and once
 * more for each copy: the time grows with the document's size alone.
 */
export function plainValue(document: Document): { value: unknown } | { objection: Objection } {
  try {
    return { value: plainOf(document.contents, { anchors: new Map(), open: new Set(), copies: 0, characters: 0 }, 0) };
  } catch (error) {
    if (error instanceof Refused) return { objection: error.objection };
    throw error;
  }
}

function plainOf(node: unknown, walk: Walk, depth: number): unknown {
  if (isAlias(node)) return copyOf(node.source, offsetOf(node), walk, depth);
  if (!isNode(node)) return null;
  if (node.anchor !== undefined) walk.anchors.set(node.anchor, node);
  if (isScalar(node)) return scalarOf(node.value, offsetOf(node), walk);
  // Aliases bring nodes deeper than they stand.
  if (depth >= yamlLimits.depth) throw new Refused(offsetOf(node), `Nested deeper than ${yamlLimits.depth} levels.`);
  walk.open.add(node);
  const value = isMap(node)
    ? Object.fromEntries(entriesOf(node, walk, depth))
    : isSeq(node)
      ? node.items.map((item) => plainOf(item, walk, depth + 1))
      : null;
  walk.open.delete(node);
  return value;
}

/** The library's own check of keys compares each with all before it: that takes minutes for a large map. */
function entriesOf(map: YAMLMap, walk: Walk, depth: number): [string, unknown][] {
  const seen = new Set<string>();
  return map.items.map(({ key, value }): [string, unknown] => {
    const name = isScalar(key) ? scalarOf(key.value, offsetOf(key), walk) : undefined;
    if (typeof name !== "string") throw new Refused(offsetOf(key), "A key is text.");
    if (isScalar(key) && key.anchor !== undefined) walk.anchors.set(key.anchor, key);
    if (forbiddenKeys.has(name)) throw new Refused(offsetOf(key), `The key "${name}" is never accepted.`);
    if (seen.has(name)) throw new Refused(offsetOf(key), `The keys of a map must be unique, and ${shown(name)} stands here again.`);
    seen.add(name);
    return [name, plainOf(value, walk, depth + 1)];
  });
}

function scalarOf(value: unknown, offset: number, walk: Walk): unknown {
  // JSON has no such number: it would become null.
  if (typeof value === "number" && !Number.isFinite(value)) throw new Refused(offset, "This number is too large, or none at all.");
  walk.characters += typeof value === "string" ? value.length : 1;
  if (walk.characters > yamlLimits.bytes)
    throw new Refused(offset, `Its aliases written out are larger than ${yamlLimits.bytes} characters.`);
  return value;
}

function copyOf(anchor: string, offset: number, walk: Walk, depth: number): unknown {
  const node = walk.anchors.get(anchor);
  if (node === undefined) throw new Refused(offset, `There is no anchor for the alias ${shown(anchor)} before it.`);
  if (walk.open.has(node)) throw new Refused(offset, `The alias ${shown(anchor)} stands inside what it means.`);
  walk.copies += 1;
  if (walk.copies > yamlLimits.aliases)
    throw new Refused(offset, `Its aliases stand for more than ${yamlLimits.aliases} copies. Write them out.`);
  return plainOf(node, walk, depth);
}

const shown = (name: string): string => JSON.stringify(name.slice(0, 40));

const offsetOf = (node: unknown): number => (isNode(node) && node.range ? node.range[0] : 0);

/** Where a path's value begins; else its key; else the nearest thing around it. */
export function offsetOfPath(document: Document, path: readonly (string | number)[]): number {
  let node: unknown = document.contents;
  let offset = offsetOf(node);
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === String(part));
      if (!pair) return offset;
      node = pair.value;
      offset = isNode(node) ? offsetOf(node) : offsetOf(pair.key);
    } else {
      if (!isSeq(node) || !isNode(node.items[Number(part)])) return offset;
      node = node.items[Number(part)];
      offset = offsetOf(node);
    }
  }
  return offset;
}
