/** The counts so far: docs/reliability-counts.json, and the table in docs/reliability.md that follows from it. */
import { readFile, writeFile } from "node:fs/promises";

export interface Count {
  what: string;
  /** The command as it was typed, with its seed */
  command: string;
  cases: number;
  wrong: number;
  /** Seconds */
  slowest?: number;
  note?: string;
}

const file = new URL("../../docs/reliability-counts.json", import.meta.url);
const page = new URL("../../docs/reliability.md", import.meta.url);
const begin = "<!-- counts: made by `npm run test:faults -- table` -->";
const end = "<!-- end of counts -->";

export async function readCounts(): Promise<Count[]> {
  return JSON.parse(await readFile(file, "utf8")) as Count[];
}

/** Adds a count. The same command again replaces its earlier count. */
export async function keepCount(count: Count): Promise<void> {
  const others = (await readCounts()).filter(({ command }) => command !== count.command);
  const all = [...others, count].toSorted((a, b) => a.what.localeCompare(b.what) || a.command.localeCompare(b.command));
  await writeFile(file, `${JSON.stringify(all, undefined, 2)}\n`);
  await writeTable();
}

/** The table of the counts. Pure. */
export function tableOf(counts: readonly Count[]): string {
  const rows = counts.map(({ what, command, cases, wrong, slowest, note }) => {
    const seconds = slowest === undefined ? "" : `${slowest.toFixed(1)} s`;
    return `| ${what} | \`${command}\` | ${cases.toLocaleString("en")} | ${wrong} | ${seconds} | ${note ?? ""} |`;
  });
  return ["| what | command and seed | cases | wrong | slowest | |", "|---|---|---|---|---|---|", ...rows].join("\n");
}

/** The page with the table of these counts. Pure. */
export function withTable(text: string, counts: readonly Count[]): string {
  const [before, rest] = text.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error("docs/reliability.md has no place for the table.");
  return `${before}${begin}\n${tableOf(counts)}\n${end}${after}`;
}

export async function readPage(): Promise<string> {
  return readFile(page, "utf8");
}

export async function writeTable(): Promise<void> {
  await writeFile(page, withTable(await readPage(), await readCounts()));
}
