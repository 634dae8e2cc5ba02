/**
 * Strict JSON: it refuses a text that two parsers could read differently. JSON.parse makes the value. The visitor of jsonc-parser, which
 * accepts only plain JSON here, finds what JSON.parse accepts (a key given twice) and the place of a fault.
 */
import jsonc from "jsonc-parser";
import { ProblemError, pointerTo } from "../../problem.ts";

/** The most levels of objects and arrays that a body may have. */
const deepest = 20;

/** Keys that could change an object's prototype when the object is copied. */
const forbiddenKeys = new Set(["__proto__", "constructor", "prototype"]);

/**
 * Parses a JSON text.
 *
 * The time grows linearly with the text. The depth is checked before any recursion.
 *
 * @throws ProblemError `malformed_body`: not UTF-8, not JSON (RFC 8259), deeper than 20 levels, a key given twice or one of `__proto__`,
 * `constructor`, `prototype`; `invalid_request`: a string that PostgreSQL's jsonb can't hold (NUL, or half of a surrogate pair).
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  const text = decodeUtf8(bytes);
  if (text.trim() === "") throw new ProblemError("malformed_body", "The body is empty; this request needs a JSON object.");
  refuseDeep(text);
  inspect(text);
  try {
    return JSON.parse(text);
  } catch {
    throw new ProblemError("malformed_body", "The body isn't valid JSON (RFC 8259).");
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new ProblemError("malformed_body", "The body isn't valid UTF-8.");
  }
}

function refuseDeep(text: string): void {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (inString) {
      if (char === "\\") at++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === "{" || char === "[") depth++;
    else if (char === "}" || char === "]") depth--;
    if (depth > deepest) throw new ProblemError("malformed_body", `The body is nested deeper than ${deepest} levels.`);
  }
}

function inspect(text: string): void {
  const open: Set<string>[] = [];
  const visitor: jsonc.JSONVisitor = {
    onObjectBegin: () => void open.push(new Set()),
    onObjectEnd: () => void open.pop(),
    onObjectProperty: (key, _offset, _length, _line, _character, parents) => {
      // Computed only for refusals: a body can have thousands of keys
      const pointer = () => pointerTo([...parents(), key]);
      refuseUnstorable(key, pointer);
      if (forbiddenKeys.has(key)) {
        throw new ProblemError("malformed_body", `The body has the key "${key}", which is never accepted.`, { pointer: pointer() });
      }
      const keys = open.at(-1);
      if (keys?.has(key)) throw new ProblemError("malformed_body", "The body gives this key twice.", { pointer: pointer() });
      keys?.add(key);
    },
    onLiteralValue: (value, _offset, _length, _line, _character, path) => {
      if (typeof value === "string") refuseUnstorable(value, () => pointerTo(path()));
    },
    onError: (_error, _offset, _length, line, character) => {
      throw new ProblemError("malformed_body", `The body isn't valid JSON at line ${line + 1}, column ${character + 1}.`);
    },
  };
  jsonc.visit(text, visitor, { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false });
}

function refuseUnstorable(value: string, pointer: () => string): void {
  if (!value.includes("\u0000") && value.isWellFormed()) return;
  throw new ProblemError("invalid_request", "This text holds a NUL or half of a surrogate pair.", { pointer: pointer() });
}
