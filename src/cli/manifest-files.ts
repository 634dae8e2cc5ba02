/** Finds the manifests in a folder of this machine, by the same rules as a source's reader (src/gitops/tree.ts). */
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { faultAt, isManifest, largestFile, linkFaults, type ManifestFault, submoduleFault } from "../gitops/manifests.ts";

export interface FoundFiles {
  files: string[];
  faults: ManifestFault[];
}

/**
 * The manifests below a folder, in order, and a fault for each entry that may be a manifest but can't be read: if it counted as absent, its
 * integrations would be pruned. Files and folders whose names begin with a dot are left out.
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

/** Git stores no empty folder, so an empty folder in a checkout is a submodule that wasn't fetched. A fetched submodule contains `.git`. */
async function mayBeSubmodule(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => undefined);
  return names !== undefined && (names.length === 0 || names.includes(".git"));
}

/** A link to a file, such as `LICENSE`, is ignored. Any other link may stand for a folder with manifests. */
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

/** The error in words, with the system's code for it. */
export function unreadable(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
  return `it can't be read (${code}). Give yourself the right to read it, or take it out of the folder.`;
}
