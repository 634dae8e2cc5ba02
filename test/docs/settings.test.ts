import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

const root = path.join(import.meta.dirname, "../..");

/** The names of the settings, as src/config.ts has them in its schema. */
const settings = (source: string) =>
  [...source.matchAll(/^ {2}([A-Z][A-Z0-9_]+): (?:z|flag|port|sha256)\b/gm)].map(([, name]) => name ?? "");

test("docs/operations.md says what every setting means, and names none that is no longer there", async () => {
  const [config, docs] = await Promise.all(["src/config.ts", "docs/operations.md"].map((file) => readFile(path.join(root, file), "utf8")));
  const known = settings(config ?? "");
  assert.ok(known.length > 30, "the schema wasn't found");
  const rows = (docs ?? "").split("\n").filter((line) => line.startsWith("| `") && line.split("|").length >= 5);
  const told = rows.flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`([A-Z][A-Z0-9_]+)`/g)].map(([, name]) => name ?? ""));
  assert.deepEqual(told.toSorted(), known.toSorted());
});
