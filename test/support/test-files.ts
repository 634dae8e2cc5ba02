/** Finds the test files and tells the ones that start a sandbox from the rest. */
import { glob, readFile } from "node:fs/promises";
import path from "node:path";

/** `e2e`: starts an emulator, a CLI or a service, so it runs alone; `unit`: everything else. */
export interface TestFile {
  /** absolute */
  path: string;
  kind: "unit" | "e2e";
}

/** What makes a test heavy: an import of one of these, or of a file in test/ that imports one. */
const heavy = /\/(?:sandbox\/(?:sandbox|ministack|service)|setup\/(?:pulumi-cli|ministack))\.ts$/;

/** Every `*.test.ts` under `root`, in alphabetical order, those that start a sandbox last. */
export async function findTestFiles(root: string): Promise<TestFile[]> {
  const files: TestFile[] = [];
  for await (const found of glob("**/*.test.ts", { cwd: root, exclude: ["fixtures/**"] })) {
    const file = path.join(root, found);
    const kind = found.startsWith(`e2e${path.sep}`) || (await startsSandbox(file, root, new Set())) ? "e2e" : "unit";
    files.push({ path: file, kind });
  }
  return files.toSorted((a, b) => b.kind.localeCompare(a.kind) || a.path.localeCompare(b.path));
}

async function startsSandbox(file: string, root: string, seen: Set<string>): Promise<boolean> {
  if (seen.has(file)) return false;
  seen.add(file);
  const text = await readFile(file, "utf8").catch(() => "");
  const imported = [...text.matchAll(/^(?!import type).*\bfrom "(\.[^"]+)"/gm)].map(([, name]) =>
    path.resolve(path.dirname(file), name ?? ""),
  );
  if (imported.some((name) => heavy.test(name))) return true;
  for (const name of imported) {
    if (name.startsWith(root) && (await startsSandbox(name, root, seen))) return true;
  }
  return false;
}
