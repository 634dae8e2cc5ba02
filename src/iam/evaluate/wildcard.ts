/** `*` and `?` in actions, resources and conditions (IAM user guide, "Using wildcards in resource ARNs"), without regular expressions. */

/** Stand in a pattern for the wildcards once variables are filled in, so that a `*` inside a value means itself. */
export const anyText = "\u{e000}";
export const anyCharacter = "\u{e001}";

/** A pattern as it stands in a document, in the form that matchesPattern takes. */
export function toPattern(text: string): string {
  return text.replaceAll("*", anyText).replaceAll("?", anyCharacter);
}

/** Whether the whole of `text` fits a pattern made by toPattern or expandVariables. Linear in practice, quadratic at worst. */
export function matchesPattern(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (p < pattern.length && pattern[p] === anyText) {
      star = p++;
      resume = t;
    } else if (p < pattern.length && (pattern[p] === anyCharacter || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++resume;
    } else return false;
  }
  while (pattern[p] === anyText) p++;
  return p === pattern.length;
}

interface CompiledPattern {
  pattern: string;
  /** What stands before the first wildcard: most texts differ there already. */
  literal: string;
  exact: boolean;
  /** The pattern's parts between colons, for ARNs */
  parts: string[];
}

/** The same few patterns meet many requests; beyond this many they are forgotten, so that nobody can fill the memory. */
const mostCompiled = 10_000;
const compiled = new Map<string, CompiledPattern>();

/** A pattern written with `*` and `?`, taken apart once. */
export function compilePattern(text: string): CompiledPattern {
  const known = compiled.get(text);
  if (known !== undefined) return known;
  if (compiled.size >= mostCompiled) compiled.clear();
  const pattern = toPattern(text);
  const first = text.search(/[*?]/);
  const result = { pattern, literal: first < 0 ? text : text.slice(0, first), exact: first < 0, parts: pattern.split(":") };
  compiled.set(text, result);
  return result;
}

/** Whether `text` fits a pattern written with `*` and `?`. */
export function matchesWildcard(pattern: string, text: string): boolean {
  if (pattern === "*" || pattern === text) return true;
  const { exact, literal, pattern: whole } = compilePattern(pattern);
  return !exact && text.startsWith(literal) && matchesPattern(whole, text);
}

const loweredPatterns = new Map<string, CompiledPattern>();

/** Whether a text in lower case fits a pattern of any case, as actions do. Patterns are lowered once, since they meet every request. */
export function matchesLowered(pattern: string, lowerText: string): boolean {
  let known = loweredPatterns.get(pattern);
  if (known === undefined) {
    if (loweredPatterns.size >= mostCompiled) loweredPatterns.clear();
    known = compilePattern(pattern.toLowerCase());
    loweredPatterns.set(pattern, known);
  }
  if (known.exact) return known.literal === lowerText;
  return lowerText.startsWith(known.literal) && matchesPattern(known.pattern, lowerText);
}

/** Whether everything that fits `inner` also fits `outer`, both written with `*` and `?`. Never yes wrongly; no in some hard cases. */
export function wildcardCovers(outer: string, inner: string): boolean {
  if (outer === "*" || outer === inner) return true;
  // A `?` takes one character, a `*` of the inner pattern stands for any number.
  if (outer.includes("?") && inner.includes("*")) return false;
  return matchesWildcard(outer, inner.replaceAll("?", "\u{e002}").replaceAll("*", "\u{e003}"));
}
