/** Which files of a folder on this machine are manifests, by the rules of a source's own reader (src/gitops/tree.ts). */
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { faultAt, isManifest, largestFile, linkFaults, type ManifestFault, submoduleFault } from "../gitops/manifests.ts";

export interface FoundFiles {
  files: string[];
  faults: ManifestFault[];
}

/**
 * The manifests below a folder, in order, and a fault for each entry that may be one and can't be read: what counted as absent would be
 * pruned. Names that begin with a dot are left out, as are the folders of such names.
 */
export async function findManifestFiles(folder: string): Promise<FoundFiles> {
  const found: FoundFiles = { files: [], faults: [] };
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => unreadable(error));
  if (typeof entries === "string") return { files: [], faults: [faultAt(folder, entries)] };
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith(".")) continue;
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      if (await mayBeSubmodule(file)) {
        found.faults.push(faultAt(file, submoduleFault));
        continue;
      }
      const inside = await findManifestFiles(file);
      found.files.push(...inside.files);
      found.faults.push(...inside.faults);
      continue;
    }
    const fault = entry.isSymbolicLink() ? await faultOfLink(file) : await faultOfFile(file, entry.isFile());
    if (fault !== undefined) found.faults.push(faultAt(file, fault));
    else if (entry.isFile() && isManifest.test(entry.name)) found.files.push(file);
  }
  return found;
}

/** Git keeps no empty folder: one in a checkout is a submodule that wasn't fetched. One that was fetched holds `.git`. */
async function mayBeSubmodule(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => undefined);
  return names !== undefined && (names.length === 0 || names.includes(".git"));
}

/** A link such as `LICENSE` is nothing of ours if it leads to a file. What leads elsewhere may stand for a folder. */
async function faultOfLink(file: string): Promise<string | undefined> {
  if (isManifest.test(file)) return linkFaults.file;
  const target = await stat(file).catch(() => undefined);
  if (target?.isFile()) return undefined;
  return linkFaults.folder;
}

async function faultOfFile(file: string, isFile: boolean): Promise<string | undefined> {
  if (!isManifest.test(file)) return undefined;
  if (!isFile) return "it isn't a file. Take it out of the folder, or give it another name.";
  const size = await stat(file).then(
    (one) => one.size,
    (error: unknown) => unreadable(error),
  );
  if (typeof size === "string") return size;
  return size > largestFile ? `it is larger than ${largestFile} bytes. Divide it.` : undefined;
}

/** In words, with the system's name of the error. */
export function unreadable(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
  return `it can't be read (${code}). Give yourself the right to read it, or take it out of the folder.`;
}
