/**
 * Strict YAML 1.2 (and so JSON): what could cost much or mean something else to another reader is refused. The text is first cut
 * into tokens, which neither recurses nor expands anything, and measured; only what passes is composed into values.
 */
import { Composer, type CST, type Document, isScalar, Lexer, LineCounter, Parser } from "yaml";

/** `line` and `column` count from 1. */
export interface YamlFault {
  line: number;
  column: number;
  detail: string;
}

export interface YamlDocument {
  document: Document;
  /** Where a path's value (else its key, else the nearest thing around it) begins. */
  positionOf(path: readonly (string | number)[]): { line: number; column: number };
}

export const yamlLimits = { bytes: 1024 * 1024, depth: 20, aliases: 20 } as const;

const forbiddenKeys = new Set(["__proto__", "constructor", "prototype"]);

/** The documents of a text; none where something is wrong with it, and then what and where. Never throws. */
export function readYaml(text: string): { documents: YamlDocument[]; faults: YamlFault[] } {
  const lines = new LineCounter();
  const at = (offset: number) => ({ line: Math.max(1, lines.linePos(offset).line), column: Math.max(1, lines.linePos(offset).col) });
  const refused = (offset: number, detail: string) => ({ documents: [], faults: [{ ...at(offset), detail }] });
  if (Buffer.byteLength(text) > yamlLimits.bytes) return refused(0, `The file is larger than ${yamlLimits.bytes} bytes.`);
  if (nestsTooDeep(text)) return refused(0, `Nested deeper than ${yamlLimits.depth} levels.`);
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const objection = objectionTo(tokens);
  if (objection) return refused(objection.offset, objection.detail);
  const composer = new Composer({ version: "1.2", schema: "core", uniqueKeys: true, stringKeys: true, merge: false });
  const composed = [...composer.compose(tokens)].filter((document) => !isEmpty(document) || document.errors.length > 0);
  const faults = composed.flatMap((document) =>
    document.errors.map((error) => ({ ...at(error.pos[0]), detail: `Not valid YAML: ${firstLine(error.message)}` })),
  );
  if (faults.length > 0) return { documents: [], faults };
  return { documents: composed.map((document) => ({ document, positionOf: (path) => at(offsetOf(document, path)) })), faults: [] };
}

/**
 * A document as plain JSON, its aliases written out.
 *
 * @throws Error in words when aliases multiply beyond the limit
 */
export function plainValue({ document }: YamlDocument): unknown {
  try {
    return document.toJS({ maxAliasCount: yamlLimits.aliases });
  } catch {
    throw new Error(`Its aliases stand for more than ${yamlLimits.aliases} copies. Write them out.`);
  }
}

const isEmpty = ({ contents }: Document): boolean => contents === null || (isScalar(contents) && contents.value === null);

/** A lexeme that announces that the next one is a scalar (the library's own mark). */
const scalarFollows = "\u001f";

/** Brackets, and dashes of one line, by lexemes alone: the parser's own work grows with the square of the depth. */
function nestsTooDeep(text: string): boolean {
  let brackets = 0;
  let dashes = 0;
  let inScalar = false;
  for (const lexeme of new Lexer().lex(text)) {
    const isScalarText = inScalar;
    inScalar = lexeme === scalarFollows;
    if (isScalarText) continue;
    if (lexeme === "[" || lexeme === "{") brackets += 1;
    else if (lexeme === "]" || lexeme === "}") brackets = Math.max(0, brackets - 1);
    else if (lexeme === "-" || lexeme === "?") dashes += 1;
    else if (lexeme.includes("\n")) dashes = 0;
    if (brackets > yamlLimits.depth || dashes > yamlLimits.depth) return true;
  }
  return false;
}

const firstLine = (message: string): string => (message.split("\n")[0] ?? "").replace(/ at line \d+, column \d+:?$/, ".");

function offsetOf(document: Document, path: readonly (string | number)[]): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (typeof node === "object" && node !== null && "range" in node && Array.isArray(node.range)) return Number(node.range[0]);
  }
  return 0;
}

interface Objection {
  offset: number;
  detail: string;
}

/** Walks the tokens with a list of its own, because a text of `[[[[…` would exhaust the stack of anything that recurses. */
function objectionTo(tokens: readonly CST.Token[]): Objection | undefined {
  const waiting = tokens.map((token) => ({ token, depth: 0 })).reverse();
  let aliases = 0;
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { token, depth } = next;
    if (token.type === "directive") return { offset: token.offset, detail: "YAML directives aren't taken." };
    if (token.type === "alias" && ++aliases > yamlLimits.aliases)
      return { offset: token.offset, detail: `More than ${yamlLimits.aliases} aliases.` };
    if (depth > yamlLimits.depth) return { offset: token.offset, detail: `Nested deeper than ${yamlLimits.depth} levels.` };
    const tag = propertiesOf(token).find((property) => property.type === "tag");
    if (tag) return { offset: tag.offset, detail: `Tags such as ${tag.source.slice(0, 40)} aren't taken: write plain values.` };
    for (const { key, value } of itemsOf(token)) {
      const name = key && "source" in key ? key.source.replaceAll(/^["']|["']$/g, "") : "";
      if (key && forbiddenKeys.has(name)) return { offset: key.offset, detail: `The key "${name}" is never accepted.` };
      for (const inner of [value, key]) if (inner) waiting.push({ token: inner, depth: token.type === "document" ? depth : depth + 1 });
    }
  }
  return undefined;
}

function propertiesOf(token: CST.Token): CST.SourceToken[] {
  if (token.type === "document") return token.start;
  if (!("items" in token)) return [];
  return token.items.flatMap((item) => [...item.start, ...("sep" in item && item.sep ? item.sep : [])]);
}

function itemsOf(token: CST.Token): { key?: CST.Token | null; value?: CST.Token }[] {
  if (token.type === "document") return token.value ? [{ value: token.value }] : [];
  return "items" in token ? token.items : [];
}
