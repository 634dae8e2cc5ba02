/** Fetches a branch's head: shallow, nothing run, nothing checked out. Files are read from git's own store, by the list of its tree. */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { simpleGit } from "simple-git";
import type { SourceRecord } from "../model/source.ts";
import { ProblemError } from "../problem.ts";
import { gitAccess } from "./credentials.ts";
import { type Checkout, gitBytes } from "./git.ts";
import { faultAt, type ManifestFault, notUtf8Fault } from "./manifests.ts";
import type { FileText } from "./read-files-worker.ts";
import { foldersOf, type ListedFile, listManifests } from "./tree.ts";

export interface Fetched {
  /** the commit's hash */
  revision: string;
  /** in order of their paths */
  files: FileText[];
  /** Entries of the commit that can't be read. While there are any, the list of files isn't complete. */
  faults: ManifestFault[];
}

const limits = { files: 5_000, bytes: 16 * 1024 * 1024, milliseconds: 120_000 };

/**
 * The manifests' files at the head of the source's branch, and a fault for each that can't be read.
 *
 * @throws ProblemError source_unreachable, with what to look at; git's own text may hold credentials and stays out
 * @throws the signal's reason when it is aborted
 */
export async function fetchRepository(
  source: Pick<SourceRecord, "name" | "repository" | "branch" | "path" | "credentials">,
  { secretsDir, signal }: { secretsDir: string; signal: AbortSignal },
): Promise<Fetched> {
  const folders = foldersOf(source.path);
  const folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-source-"));
  try {
    const access = await gitAccess(source, { home: folder, secretsDir });
    const abort = AbortSignal.any([signal, AbortSignal.timeout(limits.milliseconds)]);
    const checkout = { folder: path.join(folder, "checkout"), environment: access.environment, signal: abort };
    const revision = await clone(checkout, { home: folder, url: access.url, branch: source.branch ?? "main" });
    const { files: listed, faults } = await listManifests(checkout, { commit: revision, folders, most: limits.files });
    const read = await readBlobs(checkout, listed);
    return { revision, files: read.files, faults: [...faults, ...read.faults] };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ProblemError) throw error;
    throw new ProblemError(
      "source_unreachable",
      `Branch ${source.branch ?? "main"} of source ${source.name} can't be fetched. Check its repository, branch, path and credentials.`,
      { cause: reasonOf(error) },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Answers the commit. Nothing is checked out: a filter, an attribute or a name of the repository could change what is read. */
async function clone({ folder, environment, signal }: Checkout, from: { home: string; url: string; branch: string }): Promise<string> {
  // The library guards these names; the whole environment is ours (credentials.ts).
  const allowEnvironment = Object.keys(environment).filter((name) => name.startsWith("GIT_"));
  const git = simpleGit({ baseDir: from.home, abort: signal, allowEnvironment }).env(environment);
  await git.clone(from.url, folder, [
    "--depth=1",
    "--single-branch",
    "--no-tags",
    "--no-recurse-submodules",
    "--no-checkout",
    `--branch=${from.branch}`,
  ]);
  await git.cwd(folder);
  return (await git.revparse(["HEAD"])).trim();
}

/** Git's message as one of our causes. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : "";
  if (/Host key verification failed/i.test(text)) return "unknown-host";
  if (/Authentication|Permission denied|could not read Username|403|401/i.test(text)) return "not-authorised";
  if (/Remote branch .* not found/i.test(text)) return "no-such-branch";
  if (/not found|does not exist|not appear to be a git repository/i.test(text)) return "no-such-repository";
  if (/timed out|abort/i.test(text)) return "too-slow";
  return "git-failed";
}

/** The contents, whose sizes are known and within the limits before git is asked for them. */
async function readBlobs(checkout: Checkout, listed: readonly ListedFile[]): Promise<Pick<Fetched, "files" | "faults">> {
  const bytes = listed.reduce((sum, { size }) => sum + size, 0);
  if (bytes > limits.bytes)
    throw new ProblemError("source_unreachable", `The manifests are larger than ${limits.bytes} bytes. Divide the source.`, {
      cause: "too-large",
    });
  const files: FileText[] = [];
  const faults: ManifestFault[] = [];
  if (listed.length === 0) return { files, faults };
  const input = Buffer.from(listed.map(({ object }) => `${object}\n`).join(""));
  const output = await gitBytes(checkout, ["cat-file", "--batch"], input);
  let begin = 0;
  for (const { path: file, object, size } of listed) {
    const header = `${object} blob ${size}\n`;
    const content = begin + header.length;
    if (output.toString("latin1", begin, content) !== header) throw new Error("git cat-file answered something else");
    begin = content + size + 1;
    const text = textOf(output.subarray(content, content + size));
    if (text === undefined) faults.push(faultAt(file, notUtf8Fault));
    else files.push({ path: file, text });
  }
  if (output.length !== begin) throw new Error("git cat-file answered another number of files");
  return { files, faults };
}

/** Bytes that aren't UTF-8 would be read as other characters than the author's. */
function textOf(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
