/** A text's tokens, cut and put together one at a time, so that what is too much ends the work at once. */
import { type CST, Lexer, Parser } from "yaml";
import { yamlLimits } from "./yaml-limits.ts";

/** What is wrong, and where in the text. */
export interface Objection {
  offset: number;
  detail: string;
}

/** The library's own marks between lexemes. None is text: `refusedCharacter` (strict-yaml.ts) keeps these characters out. */
const scalarFollows = "\u001f";
const documentFollows = "\u0002";
const flowBroken = "\u0018";

/** The stack of the library's parser holds the document, then what is open inside it. */
const stackLimit = yamlLimits.depth + 2;

/**
 * Gives `take` the text's tokens, each a whole document, until it objects; answers the first objection, its own or `take`'s. Never
 * throws. The library's parser is called for one lexeme at a time and never goes deeper than the limit, because its work grows with
 * the square of the depth.
 */
export function cutTokens(text: string, take: (token: CST.Token) => Objection | undefined): Objection | undefined {
  const parser = new Parser();
  const lexemeFault = lexemeGuard();
  let offset = 0;
  for (const lexeme of new Lexer().lex(text)) {
    const detail = lexemeFault(lexeme);
    if (detail !== undefined) return { offset, detail };
    const objection = firstObjection(parser.next(lexeme), take);
    if (objection) return objection;
    if (parser.stack.length > stackLimit) return { offset, detail: `Nested deeper than ${yamlLimits.depth} levels.` };
    if (!isMark(lexeme)) offset += lexeme.length;
  }
  return firstObjection(parser.end(), take);
}

function firstObjection(tokens: Iterable<CST.Token>, take: (token: CST.Token) => Objection | undefined): Objection | undefined {
  for (const token of tokens) {
    // What stands between documents is nobody's value, and a large comment would only take memory.
    const objection = isBlankToken(token) ? undefined : take(token);
    if (objection) return objection;
  }
  return undefined;
}

const isBlankToken = ({ type }: CST.Token): boolean => type === "comment" || type === "newline" || type === "space";
const isMark = (lexeme: string): boolean => lexeme === scalarFollows || lexeme === documentFollows || lexeme === flowBroken;
const isBlank = (first: string | undefined): boolean => first === " " || first === "\n" || first === "\t" || first === "\r";

/** Counts lexemes. The answer is a sentence for the author of the file. */
function lexemeGuard(): (lexeme: string) => string | undefined {
  const counts = { tokens: 0, documentTokens: 0, documents: 0, aliases: 0, anchors: 0, blanks: 0 };
  let previous = "";
  const beyond = (what: keyof typeof counts, words: string) => {
    counts[what] += 1;
    return counts[what] > yamlLimits[what] ? `More than ${yamlLimits[what]} ${words}.` : undefined;
  };
  return (lexeme) => {
    const before = previous;
    previous = lexeme;
    if (lexeme === scalarFollows) return undefined;
    const isScalarText = before === scalarFollows;
    const first = isScalarText ? "" : lexeme[0];
    if (isBlank(first)) return beyond("blanks", "spaces and ends of lines in a row: leave some out");
    counts.blanks = 0;
    if (first === "#") return undefined;
    if (lexeme === documentFollows || (lexeme === "---" && !isScalarText)) {
      counts.documentTokens = 0;
      // The first `---` of a stream follows the mark and begins the same document.
      return before === documentFollows ? undefined : beyond("documents", "documents in a file: divide it");
    }
    const tooMany =
      beyond("tokens", "keys, values and signs in a file: divide it") ?? beyond("documentTokens", "keys, values and signs in a document");
    if (first === "&") return tooMany ?? beyond("anchors", "anchors");
    if (first === "*") return tooMany ?? beyond("aliases", "aliases");
    return tooMany ?? refusedSign(first, lexeme);
  };
}

function refusedSign(first: string | undefined, lexeme: string): string | undefined {
  if (first === "%") return "YAML directives aren't taken.";
  if (first === "!") return `Tags such as ${lexeme.slice(0, 40)} aren't taken: write plain values.`;
  return undefined;
}
