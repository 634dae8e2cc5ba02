/**
 * Strict YAML 1.2 (and so JSON): what could cost much or mean something else to another reader is refused. The text is cut into
 * tokens, which neither recurses nor expands anything, and measured; only a document that passes is composed into values.
 */
import { Composer, type Document, isScalar } from "yaml";
import { yamlLimits } from "./yaml-limits.ts";
import { cutTokens, type Objection } from "./yaml-tokens.ts";
import { offsetOfPath, plainValue } from "./yaml-values.ts";

/** `line` and `column` count from 1. */
export interface YamlFault {
  line: number;
  column: number;
  detail: string;
}

export interface YamlDocument {
  /** Plain JSON */
  value: unknown;
  /** Where a path's value (else its key, else the nearest thing around it) begins. */
  positionOf(path: readonly (string | number)[]): { line: number; column: number };
}

/** The documents of a text; none where something is wrong with it, and then what and where. Never throws. */
export function readYaml(text: string): { documents: YamlDocument[]; faults: YamlFault[] } {
  if (Buffer.byteLength(text) > yamlLimits.bytes)
    return { documents: [], faults: [{ line: 1, column: 1, detail: `The file is larger than ${yamlLimits.bytes} bytes.` }] };
  const at = positionsOf(text);
  const refused = (objections: readonly Objection[]) => ({
    documents: [],
    faults: objections.map(({ offset, detail }) => ({ ...at(offset), detail: inBrief(detail) })),
  });
  const character = refusedCharacter(text);
  if (character) return refused([character]);
  const composed = compose(text);
  if ("objections" in composed) return refused(composed.objections);
  const documents: YamlDocument[] = [];
  for (const document of composed.documents) {
    const plain = plainValue(document);
    if ("objection" in plain) return refused([plain.objection]);
    documents.push({ value: plain.value, positionOf: (path) => at(offsetOfPath(document, path)) });
  }
  return { documents, faults: [] };
}

/** A fault's sentence, which may quote the file, at a length that people read and the database can store. */
export function inBrief(detail: string): string {
  return (detail.length > 300 ? `${detail.slice(0, 300)}…` : detail).toWellFormed();
}

/**
 * Each document is composed as soon as its tokens are there. The library makes an error of each token that is out of place; nobody
 * reads thousands, so the first document that has any ends it.
 */
function compose(text: string): { documents: Document[] } | { objections: Objection[] } {
  // Our own check of keys takes less time (yaml-values.ts).
  const composer = new Composer({ version: "1.2", schema: "core", uniqueKeys: false, stringKeys: true, merge: false });
  const documents: Document[] = [];
  let errors: Objection[] = [];
  const keep = (composed: Iterable<Document>) => {
    for (const document of composed) {
      errors = document.errors.slice(0, yamlLimits.faults).map(objectionOf);
      if (errors[0]) return errors[0];
      if (!isEmpty(document)) documents.push(document);
    }
    return undefined;
  };
  const objection = cutTokens(text, (token) => keep(composer.next(token))) ?? keep(composer.end(true, text.length));
  if (!objection) return { documents };
  return { objections: errors.includes(objection) ? errors : [objection] };
}

const objectionOf = ({ pos, message }: { pos: [number, number]; message: string }): Objection => ({
  offset: pos[0],
  detail: `Not valid YAML: ${message.slice(0, 300).split("\n")[0] ?? ""}.`,
});

const isEmpty = ({ contents }: Document): boolean => contents === null || (isScalar(contents) && contents.value === null);

/** YAML takes no control characters (YAML 1.2.2, production c-printable), and the library uses some as marks. */
function refusedCharacter(text: string): Objection | undefined {
  for (let offset = 0; offset < text.length; offset += 1) {
    const code = text.charCodeAt(offset);
    if (code >= 0x20 || code === 0x09 || code === 0x0a || code === 0x0d) continue;
    return { offset, detail: `The character U+${code.toString(16).padStart(4, "0").toUpperCase()} isn't taken. Take it out.` };
  }
  return undefined;
}

/** Line and column of an offset: a search among the lines' beginnings, which are found once. */
function positionsOf(text: string): (offset: number) => { line: number; column: number } {
  const starts = [0];
  for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", end + 1)) starts.push(end + 1);
  return (offset) => {
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}
