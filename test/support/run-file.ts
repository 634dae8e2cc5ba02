/** Runs one test file in a process of its own, under a hard time limit. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { FileEnded, Finished } from "./reporter.ts";

export interface FileResult {
  tests: Finished[];
  /** seconds */
  seconds: number;
  /** the last lines that the file wrote, for a failure */
  output: string;
}

/** The name of the test that stands for a file which ended badly outside its tests. */
export const wholeFile = "the file as a whole";

/** PGlite's WebAssembly is compiled once and quickly: compiling it better costs more than these tests gain by it. */
const quickStart = ["--liftoff-only"];
const reporter = path.join(import.meta.dirname, "reporter.ts");
const running = new Set<number>();

/** Kills every test file that runs, with all that it started. */
export function killRunning(): void {
  for (const pid of running) killGroup(pid);
}

export interface RunOptions {
  limitSeconds: number;
  env: NodeJS.ProcessEnv;
}

/**
 * Runs one file to its end. Past `limitSeconds` it is killed with its process group, which counts as one failed test; so does a file
 * that ends badly outside its tests, and one that holds none.
 */
export async function runFile(file: string, options: RunOptions): Promise<FileResult> {
  const { tests, seconds, ended } = await runReported([file], options);
  const complaint = complaintOf(ended, tests, options.limitSeconds);
  if (complaint) tests.push({ name: wholeFile, outcome: "failed", took: seconds * 1000, reason: complaint });
  return { tests, seconds, output: ended.output };
}

/** Runs a program of tests with these arguments to its end, and reads what reporter.ts told of it. */
export async function runReported(args: string[], options: RunOptions) {
  const started = performance.now();
  const folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-tests-"));
  const report = path.join(folder, "report.jsonl");
  try {
    const ended = await execute([...quickStart, "--test-reporter", reporter, "--test-reporter-destination", report, ...args], options);
    const lines = (await readFile(report, "utf8").catch(() => "")).split("\n");
    const reported = lines.slice(0, -1).map((line) => JSON.parse(line) as Finished | FileEnded); // the last is empty, or cut off by a kill
    const tests = reported.filter((line): line is Finished => !("ended" in line));
    const ends = reported.filter((line): line is FileEnded => "ended" in line);
    return { tests, ends, ended, seconds: (performance.now() - started) / 1000 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** How a process ended. */
export interface Ended {
  code: number | null;
  signal: string | null;
  timedOut: boolean;
  output: string;
}

function complaintOf({ code, signal, timedOut }: Ended, tests: Finished[], limitSeconds: number): string | undefined {
  if (timedOut) return `It ran longer than ${limitSeconds} s and was killed.`;
  if (code !== 0 && !tests.some(({ outcome }) => outcome === "failed"))
    return `It ended with ${signal ?? `code ${code}`} outside its tests.`;
  return tests.length === 0 ? "It holds no test." : undefined;
}

async function execute(args: string[], { limitSeconds, env }: RunOptions): Promise<Ended> {
  const child = spawn(process.execPath, args, { env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const { pid } = child;
  if (pid === undefined) throw new Error("Node didn't start.");
  running.add(pid);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-8_000);
    });
  }
  let timedOut = false;
  const limit = setTimeout(() => {
    timedOut = true;
    killGroup(pid);
  }, limitSeconds * 1000);
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  clearTimeout(limit);
  running.delete(pid);
  for (const stream of [child.stdout, child.stderr]) stream.destroy(); // something that it left behind may hold them open
  return { code, signal, timedOut, output };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // it ended a moment ago
  }
}
