/** The table in docs/benchmarks.md, and the same on the terminal. Pure. */
import { meets, type Result } from "./result.ts";
import { spread } from "./statistics.ts";

const begin = "<!-- figures: written by npm run bench -->";
const end = "<!-- end of figures -->";

/** A figure with three digits that count, or all before the point. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const digits = Math.max(0, Math.min(4, 2 - Math.floor(Math.log10(Math.abs(value)))));
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}

const targetOf = ({ target }: Result): string => {
  if (target === undefined) return "";
  return `${target.of} ${"atMost" in target ? `≤ ${figure(target.atMost)}` : `≥ ${figure(target.atLeast)}`}`;
};

const verdictOf = (result: Result): string => {
  const met = meets(result);
  return met === undefined ? "" : met ? "met" : "**missed**";
};

const series = (values: readonly number[]) => {
  const [least, most] = spread(values);
  return values.length < 2 ? "" : ` (${figure(least)} – ${figure(most)})`;
};

/** One line per result: medians with their spread, the ratio, and whether the target is met. */
export function table(results: readonly Result[]): string {
  const lines = results.map((result) => {
    const { title, unit, median, baseline, ratio, against, runs, note = "" } = result;
    const own = `${figure(median)} ${unit}${series(runs.ours)}`;
    const other = `${figure(baseline)} ${unit}${series(runs.baseline)}: ${against}`;
    return `| ${[title, own, other, figure(ratio), targetOf(result), verdictOf(result), note].join(" | ")} |`;
  });
  return ["| what | ours, median (spread) | held against | ratio | target | | remarks |", "|---|---|---|---|---|---|---|", ...lines].join(
    "\n",
  );
}

/** The document with its figures replaced. @throws Error when it has no place for them */
export function withFigures(document: string, { results, machine }: { results: readonly Result[]; machine: readonly string[] }): string {
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the document has no lines "${begin}" and "${end}"`);
  const written = [begin, "", ...machine.map((line) => `- ${line}`), "", table(results), ""].join("\n");
  return `${document.slice(0, from)}${written}\n${document.slice(to)}`;
}
