/**
 * `npm run test:guards -- [part of a name]…`: takes out one guard after the other, in a copy of this folder, and runs the test that must
 * notice. A guard that nobody misses fails.
 */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { runFile, wholeFile } from "../support/run-file.ts";
import { engineEnvironment, storeEnvironment, testEnvironment } from "../support/test-environment.ts";
import { type Guard, guards } from "./guards.ts";
import { withoutGuard } from "./without-guard.ts";

const root = path.resolve(import.meta.dirname, "../..");
const limitSeconds = 600;
const left = new Set(["node_modules", ".git", "dist"]);

async function copyOfThis(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-guards-"));
  await cp(root, folder, { recursive: true, filter: (source) => !left.has(path.relative(root, source)) });
  await symlink(path.join(root, "node_modules"), path.join(folder, "node_modules"));
  return folder;
}

/** The tests that failed without the guard, by name; a file that can't even be loaded without it shows nothing. */
async function missedBy(folder: string, guard: Guard, env: NodeJS.ProcessEnv): Promise<string[]> {
  const file = path.join(folder, guard.file);
  const text = await readFile(file, "utf8");
  await writeFile(file, withoutGuard(text, guard));
  try {
    const { tests } = await runFile(path.join(folder, guard.test), { limitSeconds, env });
    return tests.filter(({ outcome, name }) => outcome === "failed" && name !== wholeFile).map(({ name }) => name);
  } finally {
    await writeFile(file, text);
  }
}

const words = process.argv.slice(2);
const chosen = guards.filter(({ without }) => words.length === 0 || words.some((word) => without.includes(word)));
const environment = { ...(await testEnvironment()), ...(await engineEnvironment(console.log)) };
const stores = await storeEnvironment();
const folder = await copyOfThis();
try {
  const env = { ...environment, ...stores.env };
  let unnoticed = 0;
  for (const guard of chosen) {
    const missed = await missedBy(folder, guard, env);
    if (missed.length === 0) unnoticed += 1;
    console.log(`${missed.length === 0 ? "NOBODY MISSES" : "missed:"} ${guard.without} (${guard.file})`);
    for (const name of missed.slice(0, 3)) console.log(`    ${name}`);
  }
  console.log(`${chosen.length - unnoticed} guards missed, ${unnoticed} not`);
  process.exitCode = unnoticed > 0 || chosen.length === 0 ? 1 : 0;
} finally {
  await rm(folder, { recursive: true, force: true });
  await stores.stop();
}
