/** Runs several test files in one process, one after the other: most of what a short one costs is its process and what it loads. */
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { FileEnded, Finished } from "./reporter.ts";
import { type Ended, type FileResult, type RunOptions, runReported, wholeFile } from "./run-file.ts";

const entry = path.join(import.meta.dirname, "shared-process.ts");

/**
 * Runs them to their ends; the results stand in the order of `files`. The limit counts for all together. Where the process ends badly,
 * each file that hadn't come to its end has failed, also one whose turn hadn't come.
 */
export async function runShared(files: string[], options: RunOptions): Promise<FileResult[]> {
  const { tests, ends, ended } = await runReported([entry, ...files], options);
  const unexplained = ended.code !== 0 && ends.length === files.length && !tests.some(({ outcome }) => outcome === "failed");
  return files.map((file) => {
    const { href } = pathToFileURL(file);
    const own = tests.filter((one) => one.file === href).map((one) => (one.name === href ? { ...one, name: wholeFile } : one));
    const end = ends.find((one) => one.ended === href);
    const reason = complaintOf(own, end, { ended, unexplained, limitSeconds: options.limitSeconds });
    if (reason !== undefined) own.push({ name: wholeFile, outcome: "failed", took: end?.took ?? 0, reason });
    return { tests: own, seconds: (end?.took ?? 0) / 1000, output: ended.output };
  });
}

interface Process {
  ended: Ended;
  /** It ended badly although no test failed and every file came to its end. */
  unexplained: boolean;
  limitSeconds: number;
}

function complaintOf(tests: Finished[], end: FileEnded | undefined, { ended, unexplained, limitSeconds }: Process): string | undefined {
  const { timedOut, signal, code } = ended;
  if (timedOut) return end ? undefined : `Its process ran longer than ${limitSeconds} s and was killed before this file's end.`;
  if (!end) return `Its process ended with ${signal ?? `code ${code}`} before this file's end.`;
  if (unexplained) return `Its process ended with ${signal ?? `code ${code}`} outside its files' tests.`;
  return tests.length === 0 ? "It holds no test." : undefined;
}
