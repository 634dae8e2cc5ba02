/** The output for people: tables, YAML, JSON; colours only on a terminal. */
import { styleText } from "node:util";
import Table from "cli-table3";
import { Document, visit } from "yaml";
import { visibleJson, visibleText } from "../model/visible-text.ts";

export type Format = "table" | "json" | "yaml";
type Style = Parameters<typeof styleText>[0];

export interface Screen {
  format: Format;
  /** True: redrawn trees and colours. False: plain lines for logs */
  live: boolean;
  out: NodeJS.WritableStream;
}

export function say(screen: Screen, line = ""): void {
  screen.out.write(`${line}\n`);
}

export function tint(screen: Screen, style: Style, text: string): string {
  return screen.live ? styleText(style, text, { validateStream: false }) : text;
}

/** Rows under headings, without borders, so that people can read them and scripts can use grep and cut. */
export function table(screen: Screen, head: string[], rows: (string | undefined)[][]): void {
  const none = {
    top: "",
    "top-mid": "",
    "top-left": "",
    "top-right": "",
    bottom: "",
    "bottom-mid": "",
    "bottom-left": "",
    "bottom-right": "",
  };
  const chars = { ...none, left: "", "left-mid": "", mid: "", "mid-mid": "", right: "", "right-mid": "", middle: "  " };
  const made = new Table({
    head: head.map((one) => tint(screen, "dim", one)),
    chars,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  made.push(...rows.map((row) => row.map((cell) => cell ?? "-")));
  for (const line of made.toString().split("\n")) say(screen, line.trimEnd());
}

/** Names and values, one pair on each line. */
export function facts(screen: Screen, pairs: Record<string, unknown>, indent = ""): void {
  const width = Math.max(0, ...Object.keys(pairs).map((key) => key.length));
  for (const [key, value] of Object.entries(pairs)) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    say(screen, `${indent}${tint(screen, "dim", key.padEnd(width))}  ${text}`);
  }
}

/** Shows the value in the chosen format; `asTable` draws it for people. */
export function show(screen: Screen, value: unknown, asTable: () => void): void {
  if (screen.format === "json") say(screen, visibleJson(JSON.stringify(value, null, 2)));
  else if (screen.format === "yaml") screen.out.write(visibleYaml(value));
  else asTable();
}

/** A string with hidden characters is quoted and uses YAML's own escapes (YAML 1.2.2, section 5.7). */
function visibleYaml(value: unknown): string {
  const document = new Document(value);
  visit(document, {
    Scalar: (_key, node) => {
      if (typeof node.value === "string" && visibleText(node.value) !== node.value) node.type = "QUOTE_DOUBLE";
    },
  });
  return visibleJson(document.toString());
}

const marks: Record<string, [string, Style]> = {
  succeeded: ["✔", "green"],
  failed: ["✘", "red"],
  cancelled: ["–", "yellow"],
  "awaiting-approval": ["?", "yellow"],
  running: ["…", "cyan"],
  queued: ["·", "dim"],
};

/** A sign for each state. */
export function mark(screen: Screen, state: string): string {
  const [sign, style] = marks[state] ?? ["·", "dim"];
  return tint(screen, style, sign);
}

/** `3 s ago`, `2 h ago` */
export function ago(time: string | undefined, now = Date.now()): string | undefined {
  if (time === undefined) return undefined;
  const seconds = Math.max(0, Math.round((now - Date.parse(time)) / 1_000));
  if (seconds < 120) return `${seconds} s ago`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min ago`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h ago` : `${Math.round(seconds / 86_400)} d ago`;
}
