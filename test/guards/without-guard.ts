import type { Guard } from "./guards.ts";

/** The file without its guard. @throws Error when the guard isn't there, or isn't the only one that reads so */
export function withoutGuard(text: string, { without, file, find, instead }: Guard): string {
  const [before, after, ...more] = text.split(find);
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(`${without}: "${find}" doesn't stand exactly once in ${file}`);
  }
  return before + instead + after;
}
