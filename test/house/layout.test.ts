/** A folder is looked through at a glance, and a file is read at once. */
import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import path from "node:path";
import { before, test } from "node:test";

const root = path.join(import.meta.dirname, "..", "..");
const mostFiles = 25;
const mostLines = { median: 80, one: 310 };
const generated = new Set(["src/cli/api.generated.ts"]);

const lines = new Map<string, number>();

before(async () => {
  for await (const file of glob("{src,stacks,programs}/**/*.ts", { cwd: root })) {
    if (!generated.has(file)) lines.set(file, (await readFile(path.join(root, file), "utf8")).split("\n").length - 1);
  }
});

test(`no folder has more than ${mostFiles} source files directly in it`, () => {
  const counts = new Map<string, number>();
  for (const file of lines.keys()) counts.set(path.dirname(file), (counts.get(path.dirname(file)) ?? 0) + 1);
  assert.ok(counts.size > 20);
  assert.deepEqual(
    [...counts].filter(([, count]) => count > mostFiles),
    [],
  );
});

test("what stands in no folder of src is what everybody knows, or where a process begins", () => {
  const known = ["config.ts", "log.ts", "problem.ts", "processes.ts"];
  const begins = ["audit-cli.ts", "main.ts"];
  const loose = [...lines.keys()].filter((file) => path.dirname(file) === "src").map((file) => path.basename(file));
  assert.deepEqual(loose.sort(), [...known, ...begins].sort());
});

test(`half of the files have at most ${mostLines.median} lines, and none more than ${mostLines.one}`, () => {
  const sorted = [...lines.values()].toSorted((a, b) => a - b);
  assert.ok((sorted[Math.floor(sorted.length / 2)] ?? Infinity) <= mostLines.median);
  assert.deepEqual(
    [...lines].filter(([, count]) => count > mostLines.one),
    [],
  );
});
