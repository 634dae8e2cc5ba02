import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { lanesOf } from "../support/lanes.ts";
import { runShared } from "../support/run-shared.ts";
import { findTestFiles, waiting } from "../support/test-files.ts";

const tests = path.join(import.meta.dirname, "..");
const { NODE_TEST_CONTEXT: _, ...env } = process.env;
let folder: string;

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-shared-"));
});

after(() => rm(folder, { recursive: true, force: true }));

/** What each of these files is told to have held, when they share a process. */
async function outcomes(sources: string[], limitSeconds = 30): Promise<string[][]> {
  const files = sources.map((_source, index) => path.join(folder, `sample${index}.test.mjs`));
  const imports = `import { afterEach, before, beforeEach, describe, test } from "node:test";\n`;
  await Promise.all(files.map((file, index) => writeFile(file, imports + sources[index])));
  const results = await runShared(files, { limitSeconds, env });
  return results.map((result) => result.tests.map(({ name, outcome }) => `${outcome}: ${name}`));
}

const adds = `test("adds", () => {});`;
const lost = ["failed: the file as a whole"];

test("each file has its own tests, and one that fails keeps none of the others from running", async () => {
  const fails = `describe("suite", () => { test("fails", () => { throw new Error("no"); }); test("waits", { skip: true }, () => {}); });`;
  assert.deepEqual(await outcomes([adds, fails, adds]), [["passed: adds"], ["failed: fails", "skipped: waits"], ["passed: adds"]]);
});

test("a file without a test, one that can't be loaded and one whose hook fails are failures", async () => {
  const hook = `before(() => { throw new Error("no"); }); test("inner", () => {});`;
  const [empty, unloaded, hooked, good] = await outcomes(["", `throw new Error("no");`, hook, adds]);
  assert.deepEqual([empty, unloaded, good], [lost, lost, ["passed: adds"]]);
  assert.ok(hooked?.includes("failed: the file as a whole"), String(hooked));
});

test("a process that ends early fails the file that ended it and those whose turn had not come", async () => {
  for (const end of ["process.exit(0)", "process.exit(3)", `process.kill(process.pid, "SIGKILL")`]) {
    const [, ...rest] = await outcomes([adds, `test("ends", () => { ${end}; });`, adds]);
    assert.deepEqual(rest, [lost, lost], end);
  }
});

test("an end that no test explains is a failure", async () => {
  const found = await outcomes([`${adds} process.on("exit", () => { process.exitCode = 3; });`, adds]);
  assert.deepEqual(found, [
    ["passed: adds", ...lost],
    ["passed: adds", ...lost],
  ]);
});

test("a file that never ends is killed at the limit, and fails with those after it", async () => {
  const [, spins, next] = await outcomes([adds, `test("spins", () => { for (;;); });`, adds], 3);
  assert.deepEqual([spins, next], [lost, lost]);
});

test("a file's hooks act on its own tests alone, and it is loaded when the one before has ended", async () => {
  const hooked = `globalThis.seen = []; beforeEach(() => seen.push("before")); afterEach(() => seen.push("after")); ${adds}`;
  const looks = `const seen = globalThis.seen.join(); test("sees " + seen, () => { if (globalThis.seen.length !== 2) throw new Error(); });`;
  assert.deepEqual(await outcomes([hooked, looks]), [["passed: adds"], ["passed: sees before,after"]]);
});

test("a run in which a shared process dies names its files, counts them as failed and fails", async () => {
  const root = path.join(folder, "whole");
  await mkdir(root);
  for (const [name, body] of [
    ["a", ""],
    ["b", "process.exit(0);"],
    ["c", ""],
  ] as const)
    await writeFile(path.join(root, `${name}.test.ts`), `import { test } from "node:test"; test("one", () => { ${body} });`);
  const run = promisify(execFile)(process.execPath, [path.join(tests, "run.ts")], { env: { ...env, DRAWBRIDGE_TESTS_IN: root } });
  const { code, stdout } = (await run.catch((error: { code: number; stdout: string }) => error)) as { code?: number; stdout: string };
  assert.equal(code, 1);
  for (const name of ["b", "c"]) assert.match(stdout, new RegExp(`FAIL ${name}\\.test\\.ts`));
  assert.match(stdout, /\n[01] passed, [23] failed\n$/);
});

test("every unit test has one turn, and shares a process with its like alone", async () => {
  const files = (await findTestFiles(tests)).filter(({ kind }) => kind === "unit");
  const batches = lanesOf(files, "unit").flatMap((lane) => lane.batches);
  assert.deepEqual(batches.flat().toSorted(byPath), files.toSorted(byPath));
  for (const batch of batches.filter(({ length }) => length > 1)) {
    assert.equal(new Set(batch.map(({ store }) => store)).size, 1, batch[0]?.path);
    assert.ok(!batch.some(({ alone }) => alone), batch[0]?.path);
  }
  for (const name of waiting)
    assert.ok(
      files.some((file) => file.path === path.join(tests, name)),
      `${name} isn't there`,
    );
});

test("a file that opens a database is known to do so, and one that changes its process to be alone", async () => {
  const files = await findTestFiles(tests);
  const opens = /^import (?!type).*\b(?:openStore|openAnew|backends|startPostgres|makeDatabase)\b.* from/m;
  for (const file of files.filter(({ kind, store }) => kind === "unit" && !store))
    assert.doesNotMatch(await readFile(file.path, "utf8"), opens, file.path);
  const alone = new Map(files.map((file) => [path.relative(tests, file.path), file.alone]));
  assert.equal(alone.get("gitops/private-sources.test.ts"), true, "it sets TMPDIR");
  assert.equal(alone.get("access/audit/refusals.test.ts"), true, "it stops the clock");
  assert.equal(alone.get("http/bad-input-cost.test.ts"), true, "it measures");
  assert.equal(alone.get("store/records.test.ts"), false);
});

function byPath(a: { path: string }, b: { path: string }): number {
  return a.path.localeCompare(b.path);
}
