/**
 * Which files of a commit are manifests, decided from git's list of its tree before any content is read. What the list holds and
 * can't be read is a fault: if it counted as absent, integrations would be pruned.
 */
import { ProblemError } from "../problem.ts";
import { type Checkout, gitBytes, gitOutput, splitAt } from "./git.ts";
import { faultAt, isManifest, largestFile, linkFaults, type ManifestFault, submoduleFault } from "./manifests.ts";

export interface ListedFile {
  /** from the repository's root, for people to read */
  path: string;
  /** Git's name of the content */
  object: string;
  size: number;
}

interface Entry {
  mode: string;
  object: string;
  size: number;
  /** from the repository's root */
  name: Buffer;
}

/** Git's modes (gitformat-index(5)) */
const modes = { link: "120000", submodule: "160000" };
const zero = 0;
const tab = 9;

/** Of any kind: a tree that names itself many times over lists billions. */
const mostEntries = 200_000;

const noSuchPath = (detail: string) => new ProblemError("source_unreachable", detail, { cause: "no-such-path" });

/**
 * A source's path as a list of folders: `.`, `./` and nothing mean the repository's root, and `a//b/` is `a/b`.
 *
 * @throws ProblemError source_unreachable (no-such-path) when it leads upwards
 */
export function foldersOf(path: string | undefined): string[] {
  const folders = (path ?? "").split("/").filter((part) => part !== "" && part !== ".");
  if (folders.includes("..")) throw noSuchPath(`The source's path ${path} leads upwards. Name a folder of the repository.`);
  return folders;
}

/**
 * The tree of a folder, found step by step, so that no link is followed.
 *
 * @throws ProblemError source_unreachable (no-such-path) when there is none, with what stands there instead
 */
export async function treeOf(checkout: Checkout, commit: string, folders: readonly string[]): Promise<string> {
  let tree = commit;
  for (const [index, folder] of folders.entries()) {
    const path = folders.slice(0, index + 1).join("/");
    const [line = ""] = (await gitBytes(checkout, ["ls-tree", "-z", "--full-tree", tree, "--", folder])).toString().split("\t");
    const [mode, type, object] = line.split(" ");
    if (object === undefined) throw noSuchPath(`The branch has no folder ${path}. Correct the source's path.`);
    if (mode === modes.link) throw noSuchPath(`${path} is a symbolic link. Name the folder that it leads to as the source's path.`);
    if (type !== "tree") throw noSuchPath(`${path} isn't a folder. Name a folder as the source's path.`);
    tree = object;
  }
  return tree;
}

/**
 * The manifests' files below a folder, and a fault for each entry that may be one and can't be read. Names that begin with a dot are
 * left out, as are the folders of such names.
 *
 * @throws ProblemError source_unreachable when there are more than `most`
 */
export async function listManifests(
  checkout: Checkout,
  { commit, folders, most }: { commit: string; folders: readonly string[]; most: number },
): Promise<{ files: ListedFile[]; faults: ManifestFault[] }> {
  const tree = await treeOf(checkout, commit, folders);
  const prefix = Buffer.from(folders.map((folder) => `${folder}/`).join(""));
  const files: ListedFile[] = [];
  const faults: ManifestFault[] = [];
  const links: Entry[] = [];
  let entries = 0;
  for await (const line of splitAt(gitOutput(checkout, ["ls-tree", "-r", "-z", "-l", "--full-tree", tree]), zero)) {
    if (++entries > mostEntries)
      throw new ProblemError(
        "source_unreachable",
        `The folder has more than ${mostEntries} files. Name a smaller folder as the source's path.`,
        {
          cause: "too-many",
        },
      );
    const entry = entryOf(line, prefix);
    if (isHidden(entry.name.subarray(prefix.length))) continue;
    const { path, isText } = pathOf(entry.name);
    const found = judge(entry, path, isText);
    if (found === "link") links.push(entry);
    else if (typeof found === "string") faults.push(faultAt(path, found));
    else if (found) files.push(found);
    if (files.length + faults.length + links.length > most)
      throw new ProblemError("source_unreachable", `The folder has more than ${most} manifests and links. Divide the source.`, {
        cause: "too-many",
      });
  }
  faults.push(...(await faultsOfLinks(checkout, commit, links)));
  return { files: files.sort((a, b) => (a.path < b.path ? -1 : 1)), faults };
}

/** `<mode> <type> <object> <size>\t<name>` (git-ls-tree(1), `-l`) */
function entryOf(line: Buffer, prefix: Buffer): Entry {
  const end = line.indexOf(tab);
  const [mode = "", , object = "", size = ""] = line.toString("latin1", 0, end).split(/ +/);
  return { mode, object, size: Number(size), name: Buffer.concat([prefix, line.subarray(end + 1)]) };
}

const isHidden = (name: Buffer): boolean => /(^|\/)\./.test(name.toString("latin1"));

/** Git's names are bytes. Control characters are written out, because a name is shown on terminals. */
function pathOf(name: Buffer): { path: string; isText: boolean } {
  const text = name.toString();
  const path = text.replaceAll(/\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
  return { path, isText: Buffer.from(text).equals(name) };
}

/** A file to read, a fault's words, a link that has to be looked into, or nothing of ours. */
function judge({ mode, object, size }: Entry, path: string, isText: boolean): ListedFile | string | undefined {
  if (mode === modes.submodule) return submoduleFault;
  const named = isManifest.test(path);
  if (mode === modes.link) return named ? linkFaults.file : "link";
  if (!named) return undefined;
  if (!isText) return "its name isn't UTF-8. Give it another name.";
  if (size > largestFile) return `The file is larger than ${largestFile} bytes. Divide it.`;
  return { path, object, size };
}

/** A link such as `LICENSE` is nothing of ours if it leads to a file of the commit. What leads elsewhere may stand for a folder. */
async function faultsOfLinks(checkout: Checkout, commit: string, links: readonly Entry[]): Promise<ManifestFault[]> {
  const asked = links.filter(({ name }) => !name.includes("\n"));
  const leadToFiles = new Set<Entry>();
  if (asked.length > 0) {
    const input = Buffer.concat(asked.flatMap(({ name }) => [Buffer.from(`${commit}:`), name, Buffer.from("\n")]));
    const answers = typesOf(await gitBytes(checkout, ["cat-file", "--batch-check", "--follow-symlinks"], input));
    for (const [index, entry] of asked.entries()) if (answers[index] === "blob") leadToFiles.add(entry);
  }
  return links.filter((entry) => !leadToFiles.has(entry)).map(({ name }) => faultAt(pathOf(name).path, linkFaults.folder));
}

/** `<object> <type> <size>`, or a word, a size and so many bytes about why there is no object (git-cat-file(1), `--follow-symlinks`). */
function typesOf(output: Buffer): string[] {
  const types: string[] = [];
  for (let begin = 0; begin < output.length; ) {
    const end = output.indexOf("\n", begin);
    const line = output.toString("latin1", begin, end);
    const [, type] = /^[0-9a-f]{40,64} ([a-z]+) \d+$/.exec(line) ?? [];
    const [, length] = /^(?:symlink|dangling|loop|notdir) (\d+)$/.exec(line) ?? [];
    types.push(type ?? "none");
    begin = end + 1 + (length === undefined ? 0 : Number(length) + 1);
  }
  return types;
}
