/** CONTRIBUTING.md has one table of all commands. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

const root = path.join(import.meta.dirname, "..", "..");
const read = (file: string) => readFile(path.join(root, file), "utf8");

/** The rows of the section "Commands": the script that each names, and its sentence. */
function rowsOf(page: string): { script: string; sentence: string }[] {
  const section = page.split(/^## /m).find((part) => part.startsWith("Commands\n")) ?? "";
  return [...section.matchAll(/^\| `npm (?:run )?([^`\s]+)` \| (.*) \|$/gm)].map(([, script = "", sentence = ""]) => ({
    script,
    sentence,
  }));
}

test("the table of commands has every script of package.json once, and no other", async () => {
  const { scripts } = JSON.parse(await read("package.json")) as { scripts: Record<string, string> };
  const rows = rowsOf(await read("CONTRIBUTING.md"));
  assert.ok(rows.length > 20, "the table is found");
  assert.deepEqual(rows.map(({ script }) => script).sort(), Object.keys(scripts).sort());
});

test("each row of the table says what its command does", async () => {
  const silent = rowsOf(await read("CONTRIBUTING.md")).filter(({ sentence }) => sentence.trim().split(/\s+/).length < 3);
  assert.deepEqual(silent, []);
});

test("a script without a row and a row without a script are seen", () => {
  const page =
    "# x\n\n## Commands\n\n| `npm run build` | compiles everything there is |\n| `npm test` | |\n\n## Next\n\n| `npm run no` | a b c |\n";
  assert.deepEqual(rowsOf(page), [{ script: "build", sentence: "compiles everything there is" }]);
});
