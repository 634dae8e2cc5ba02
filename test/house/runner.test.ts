import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { runFile } from "../support/run-file.ts";
import { findTestFiles } from "../support/test-files.ts";

let folder: string;

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-runner-"));
});

after(() => rm(folder, { recursive: true, force: true }));

async function outcomes(source: string, limitSeconds = 30): Promise<string[]> {
  const file = path.join(folder, "sample.test.mjs");
  await writeFile(file, `import { before, describe, test } from "node:test";\n${source}`);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { tests } = await runFile(file, { limitSeconds, env });
  return tests.map(({ name, outcome }) => `${outcome}: ${name}`);
}

test("passed, failed and skipped tests are told apart, and suites aren't counted", async () => {
  const source = `
    test("adds", () => {});
    test("fails", () => { throw new Error("no"); });
    test("waits", { skip: "not here" }, () => {});
    describe("suite", () => { test("inner", () => {}); });`;
  assert.deepEqual(await outcomes(source), ["passed: adds", "failed: fails", "skipped: waits", "passed: inner"]);
});

test("a hook that fails makes a failure", async () => {
  const found = await outcomes(`describe("suite", () => { before(() => { throw new Error("no"); }); test("inner", () => {}); });`);
  assert.ok(found.some((line) => line.startsWith("failed")));
});

test("a file that ends badly outside its tests is a failure", async () => {
  const found = await outcomes(`test("adds", () => {}); process.on("exit", () => { process.exitCode = 3; });`);
  assert.deepEqual(found, ["passed: adds", "failed: the file as a whole"]);
});

test("a file without a test is a failure", async () => {
  assert.deepEqual(await outcomes(""), ["failed: the file as a whole"]);
});

test("a file that never ends is killed at its limit", async () => {
  const found = await outcomes(`test("adds", () => {}); test("spins", () => { for (;;); });`, 2);
  assert.equal(found.at(-1), "failed: the file as a whole");
});

test("a run whose time is over counts each file that it didn't come to as a failure, and still says how many", async () => {
  const { NODE_TEST_CONTEXT: _, ...host } = process.env;
  const env = { ...host, DRAWBRIDGE_TESTS_UNTIL: "1" };
  const run = promisify(execFile)(process.execPath, [path.join(import.meta.dirname, "../run.ts"), "house/boundaries"], { env });
  const { code, stdout } = (await run.catch((error: { code: number; stdout: string }) => error)) as { code?: number; stdout: string };
  assert.equal(code, 1);
  assert.match(stdout, /FAIL house\/boundaries\.test\.ts[\s\S]*before this file could start/);
  assert.match(stdout, /\n0 passed, 1 failed\n$/);
});

test("files that start a sandbox are found by what they import, directly or through another", async () => {
  const kinds = new Map((await findTestFiles(path.join(import.meta.dirname, ".."))).map((file) => [path.basename(file.path), file.kind]));
  assert.equal(kinds.get("pulumi-round.test.ts"), "e2e");
  assert.equal(kinds.get("role-stack.test.ts"), "e2e");
  assert.equal(kinds.get("runner.test.ts"), "unit");
});

test("files that open a store are found the same way, and others need no PostgreSQL", async () => {
  const stores = new Map((await findTestFiles(path.join(import.meta.dirname, ".."))).map((file) => [path.basename(file.path), file.store]));
  assert.equal(stores.get("records.test.ts"), true, "directly");
  assert.equal(stores.get("entity-tag.test.ts"), true, "through the HTTP tests' support");
  assert.equal(stores.get("open-queue.test.ts"), true);
  assert.equal(stores.get("layout.test.ts"), false);
});

test("a file that fails isn't tried again, and its run fails", async () => {
  const file = path.join(folder, "fails-once.test.ts");
  const mark = path.join(folder, "began");
  const source = `import { existsSync, writeFileSync } from "node:fs";
import { test } from "node:test";
test("succeeds at its second try", () => {
  if (existsSync(${JSON.stringify(mark)})) return;
  writeFileSync(${JSON.stringify(mark)}, "");
  throw new Error("the first try");
});
`;
  await writeFile(file, source);
  const { NODE_TEST_CONTEXT: _, ...host } = process.env;
  const env = { ...host, DRAWBRIDGE_TESTS_IN: folder };
  const run = promisify(execFile)(process.execPath, [path.join(import.meta.dirname, "../run.ts"), "fails-once"], { env });
  const { code, stdout } = (await run.catch((error: { code: number; stdout: string }) => error)) as { code?: number; stdout: string };
  assert.equal(code, 1);
  assert.match(stdout, /✗ succeeds at its second try/);
  assert.match(stdout, /\n0 passed, 1 failed\n$/);
});
