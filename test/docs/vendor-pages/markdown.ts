/** A text inside a table's cell: `|` would end it, and outside of code `<` would begin a tag. */
function cell(text: string): string {
  const parts = text.replaceAll("|", "\\|").replace(/\s+/g, " ").split("`");
  return parts.map((part, index) => (index % 2 === 0 ? part.replaceAll("<", "\\<") : part)).join("`");
}

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line), ""];
}

export const code = (text: string): string => `\`${text}\``;

export const codes = (texts: readonly string[]): string => texts.map(code).join(", ");

export function json(value: unknown): string[] {
  return ["```json", JSON.stringify(value, null, 2), "```", ""];
}
