import { visibleJson, visibleLine } from "../../model/visible-text.ts";
import type { HandOff } from "./bundle.ts";

/** A text in a table's cell. Markdown would read `|` as the end of the cell, and a line break as the end of the row. */
const cell = (text: string): string => visibleLine(text.replace(/\s+/g, " ")).replaceAll("\\", "\\\\").replaceAll("|", "\\|");

/** A value as code. The fence must be longer than any run of backticks in it (CommonMark, "Code spans"). */
function code(text: string): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return longest === 0 ? `${fence}${cell(text)}${fence}` : `${fence} ${cell(text)} ${fence}`;
}

/** The hand-off for people: the fields in the vendor's order, then each document with its purpose. */
export function handOffMarkdown(handOff: HandOff, quickCreateLink?: string): string {
  const { title, integration, accountId, region, source, fields, documents } = handOff;
  const rows = fields.map(({ field, value, where }) => `| ${cell(field)} | ${code(value)} | ${cell(where)} |`);
  const blocks = documents.flatMap(({ name, what, document }) => [
    `## ${visibleLine(name)}`,
    "",
    visibleLine(what),
    "",
    "```json",
    visibleJson(JSON.stringify(document, null, 2)),
    "```",
    "",
  ]);
  return [
    `# ${visibleLine(title)}`,
    "",
    `Integration ${integration}, account ${accountId}, ${region}. By the vendor's guide "${source.document}" (${source.date}).`,
    "",
    "| Field | Value | Where |",
    "|---|---|---|",
    ...rows,
    "",
    ...(quickCreateLink === undefined ? [] : [`[Create it in CloudFormation](${quickCreateLink})`, ""]),
    ...blocks,
  ].join("\n");
}
