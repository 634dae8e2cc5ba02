/**
 * Text of others as it may be shown. A control character can move a terminal's cursor or hide what stands before it, and one that changes the
 * direction of writing can show a text as another (Unicode Technical Report 36, "Bidirectional Text Spoofing"). Pure.
 */

/** Control and format characters, and line separators that aren't `\n`. */
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

const escaped = (character: string): string => `\\u{${character.codePointAt(0)?.toString(16)}}`;

/** The text in one line, with every hidden character written as `\u{…}`. */
export function visibleLine(text: string): string {
  return text.replaceAll(hidden, escaped);
}

/** The same with line ends and tabs as they are, for texts of several lines. */
export function visibleText(text: string): string {
  return text.replaceAll(hidden, (character) => (character === "\n" || character === "\t" ? character : escaped(character)));
}

/** A JSON text that says the same, with hidden characters as JSON's own escapes; `\n` between its parts stays. */
export function visibleJson(text: string): string {
  const units = (character: string) =>
    Array.from({ length: character.length }, (_, at) => character.charCodeAt(at).toString(16).padStart(4, "0"));
  return text.replaceAll(hidden, (character) =>
    character === "\n"
      ? character
      : units(character)
          .map((unit) => `\\u${unit}`)
          .join(""),
  );
}

/** Every text inside a value in one line, its keys as well. */
export function visibleValue(value: unknown): unknown {
  if (typeof value === "string") return visibleLine(value);
  if (Array.isArray(value)) return value.map(visibleValue);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [visibleLine(key), visibleValue(inner)]));
}
