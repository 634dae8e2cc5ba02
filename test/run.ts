/**
 * `npm test`: gets what the tests need, runs every test file, and ends with one line, `N passed, N failed`. `unit` or `e2e` as an
 * argument runs one kind; any other argument runs the files whose path contains it.
 */
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Batch, lanesOf } from "./support/lanes.ts";
import { type FileResult, killRunning, runFile, wholeFile } from "./support/run-file.ts";
import { runShared } from "./support/run-shared.ts";
import { engineEnvironment, inMemory, storeEnvironment, testEnvironment } from "./support/test-environment.ts";
import { findTestFiles, type TestFile } from "./support/test-files.ts";

/** Another folder in the test of this. */
const root = process.env["DRAWBRIDGE_TESTS_IN"] ?? import.meta.dirname;
const limits = { unit: 180, e2e: 600 };
/** Seconds since 1970 at which the whole run has to have ended, where somebody waits for it no longer: `.ci/run` sets it. */
const until = Number(process.env["DRAWBRIDGE_TESTS_UNTIL"] ?? Infinity);
const secondsLeft = () => until - Date.now() / 1000;
const say = (text: string) => console.log(text);

const counts = { passed: 0, failed: 0, skipped: 0 };

function show(file: TestFile, { tests, seconds, output }: FileResult): void {
  for (const { outcome } of tests) counts[outcome] += 1;
  const failed = tests.filter(({ outcome }) => outcome === "failed");
  const title = `${failed.length === 0 ? "ok  " : "FAIL"} ${path.relative(root, file.path)}`;
  say(`${title}  ${tests.length - failed.length} of ${tests.length}  ${seconds.toFixed(1)} s`);
  for (const { name, took, reason } of failed) say(indent(`✗ ${name} (${(took / 1000).toFixed(1)} s)\n${indent(reason ?? "")}`));
  if (failed.length > 0 && output.trim() !== "") say(indent(`what it wrote last:\n${indent(output.trimEnd())}`));
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "    ");
}

/** Once: a test that passes only at its second try has a fault, or what it tests has one. */
async function runOnce(batch: Batch, limitSeconds: number, env: NodeJS.ProcessEnv): Promise<FileResult[]> {
  if (secondsLeft() < 1) return batch.map(() => notRun);
  const options = { limitSeconds: Math.min(limitSeconds, Math.floor(secondsLeft())), env };
  const [first, ...others] = batch.map((file) => file.path);
  if (first === undefined) return [];
  return others.length === 0 ? [await runFile(first, options)] : runShared([first, ...others], options);
}

/** What nobody has looked at isn't right: it fails. */
const notRun: FileResult = {
  tests: [{ name: wholeFile, outcome: "failed", took: 0, reason: "The time for the whole run was over before this file could start." }],
  seconds: 0,
  output: "",
};

/** A build of the CLI may take longer than anybody waits. */
function inTime<T>(work: Promise<T>): Promise<T> {
  if (until === Infinity) return work;
  const over = (): never => {
    throw new Error("The time for the whole run was over before the e2e files could start.");
  };
  return Promise.race([work, sleep(Math.max(0, secondsLeft() * 1000), undefined, { ref: false }).then(over)]);
}

function nameOf([first, ...others]: Batch): string {
  const name = first ? path.relative(root, first.path) : "";
  return others.length === 0 ? name : `${name} and ${others.length} more`;
}

/** `envOf`: what a batch is given, once it is there. */
async function runKind(kind: TestFile["kind"], files: TestFile[], envOf: (batch: Batch) => Promise<NodeJS.ProcessEnv>): Promise<void> {
  const current = new Set<string>();
  const alive = setInterval(() => say(`     still running: ${[...current].join(", ")}`), 60_000);
  const worker = async (batches: Batch[]) => {
    for (let batch = batches.shift(); batch; batch = batches.shift()) {
      const name = nameOf(batch);
      current.add(name);
      const results = await runOnce(batch, limits[kind], await envOf(batch));
      for (const [index, file] of batch.entries()) show(file, results[index] ?? notRun);
      current.delete(name);
    }
  };
  await Promise.all(lanesOf(files, kind).flatMap(({ batches, atOnce }) => Array.from({ length: atOnce }, () => worker(batches))));
  clearInterval(alive);
}

async function main(wanted: string[]): Promise<void> {
  const all = await findTestFiles(root);
  const chosen = (file: TestFile) =>
    wanted.length === 0 || wanted.some((word) => word === file.kind || path.relative(path.dirname(root), file.path).includes(word));
  const files = all.filter(chosen);
  let stores: Awaited<ReturnType<typeof storeEnvironment>> | undefined;
  try {
    const plain = await testEnvironment();
    const opening = files.some(({ store }) => store) ? storeEnvironment() : undefined;
    // Files without a store don't wait for it.
    const withStore = async () => {
      stores = await opening;
      return { ...plain, ...stores?.env };
    };
    const quick = await inMemory();
    await runKind("unit", files, async (batch) => ({ ...(batch.some(({ store }) => store) ? await withStore() : plain), ...quick }));
    if (!files.some(({ kind }) => kind === "e2e")) return;
    const env = { ...(await withStore()), ...(await inTime(engineEnvironment(say))) };
    await runKind("e2e", files, async () => env);
  } catch (error) {
    counts.failed += 1;
    say(`The tests could not run. ${error instanceof Error ? error.message : error}`);
  } finally {
    await stores?.stop();
    sum();
  }
}

/** The last line. */
function sum(): void {
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
  process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0;
  say(`\n${counts.passed} passed, ${counts.failed} failed${skipped}`);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    killRunning();
    process.exit(130);
  });
}

await main(process.argv.slice(2));
process.exit(); // a build that was not waited for would keep this alive
