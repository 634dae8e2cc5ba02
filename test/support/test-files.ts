/** Finds the test files and tells the ones that start a sandbox from the rest. */
import { glob, readFile } from "node:fs/promises";
import path from "node:path";

/** `e2e`: starts an emulator, a CLI or a service, so it runs alone; `unit`: everything else. */
export interface TestFile {
  /** absolute */
  path: string;
  kind: "unit" | "e2e";
  /** opens a store of its own, on PGlite or PostgreSQL */
  store: boolean;
  /** needs a process of its own: it changes or measures its process */
  alone: boolean;
  /** does little but wait, for the queue's and the leases' intervals and for the ends of programs */
  waits: boolean;
}

/** What makes a test heavy: an import of one of these, or of a file in test/ that imports one. */
const heavy = /\/(?:sandbox\/(?:sandbox|ministack|service)|setup\/(?:pulumi-cli|ministack))\.ts$/;
const stores = /\/test\/(?:store\/backends|support\/made-database)\.ts$/;

/** What other files of the same process would notice, or disturb. */
const changesOrMeasures =
  /process\.env(?:\[.+\]|\.\w+) =|process\.(?:on|once|chdir|cpuUsage|memoryUsage)\(|mock\.(?:timers|module)|setFlagsFromString|monitorEventLoopDelay/;

/** Those that mostly wait, the longest first; two of these run beside two of the others. */
export const waiting: readonly string[] = [
  "operations/run.test.ts",
  "operations/queue/open-queue.test.ts",
  "gitops/reconcile.test.ts",
  "http/server.test.ts",
  "operations/queue/fairness.test.ts",
  "operations/takeover.test.ts",
  "operations/lease.test.ts",
];

const ofTests = (file: string, root: string): string => path.relative(root, file).replaceAll(path.sep, "/");

/** Where a file that waits stands in their order. */
export const waitingRank = (file: TestFile): number =>
  waiting.findIndex((name) => file.path.replaceAll(path.sep, "/").endsWith(`/${name}`));

/** Every `*.test.ts` under `root`, in alphabetical order, those that start a sandbox last. */
export async function findTestFiles(root: string): Promise<TestFile[]> {
  const files: TestFile[] = [];
  for await (const found of glob("**/*.test.ts", { cwd: root, exclude: ["fixtures/**"] })) {
    const file = path.join(root, found);
    const imported = [...(await importsOf(file, root))];
    const kind = found.startsWith(`e2e${path.sep}`) || imported.some((name) => heavy.test(name)) ? "e2e" : "unit";
    const waits = waiting.includes(ofTests(file, root));
    const alone = kind === "e2e" || waits || changesOrMeasures.test(await readFile(file, "utf8"));
    files.push({ path: file, kind, store: imported.some((name) => stores.test(name)), alone, waits });
  }
  return files.toSorted((a, b) => b.kind.localeCompare(a.kind) || a.path.localeCompare(b.path));
}

/** The files that one imports, directly or by way of others under `root`; types alone aren't imports. */
async function importsOf(file: string, root: string, seen = new Set<string>()): Promise<Set<string>> {
  const text = await readFile(file, "utf8").catch(() => "");
  for (const [, name = ""] of text.matchAll(/^(?!import type).*\bfrom "(\.[^"]+)"/gm)) {
    const imported = path.resolve(path.dirname(file), name);
    if (seen.has(imported)) continue;
    seen.add(imported);
    if (imported.startsWith(root)) await importsOf(imported, root, seen);
  }
  return seen;
}
