/** Fetches a branch's head: shallow, only the source's folder, nothing run, nothing followed out of it. */
import { lstat, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { simpleGit } from "simple-git";
import { ProblemError } from "../problem.ts";
import type { SourceRecord } from "../store/sources.ts";
import { gitAccess } from "./credentials.ts";

export interface Fetched {
  /** the commit's hash */
  revision: string;
  /** `path` from the repository's root, in order */
  files: { path: string; text: string }[];
}

const limits = { files: 5_000, bytes: 16 * 1024 * 1024, milliseconds: 120_000 };
const isManifest = /\.(ya?ml|json)$/i;

/**
 * The manifests' files at the head of the source's branch.
 *
 * @throws ProblemError source_unreachable, with what to look at; git's own text may hold credentials and stays out
 */
export async function fetchRepository(
  source: Pick<SourceRecord, "name" | "repository" | "branch" | "path" | "credentials">,
  { secretsDir, signal }: { secretsDir: string; signal: AbortSignal },
): Promise<Fetched> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-source-"));
  try {
    const access = await gitAccess(source, { home: folder, secretsDir });
    const checkout = path.join(folder, "checkout");
    const abort = AbortSignal.any([signal, AbortSignal.timeout(limits.milliseconds)]);
    // The library guards these names; the whole environment is ours (credentials.ts).
    const allowEnvironment = Object.keys(access.environment).filter((name) => name.startsWith("GIT_"));
    const git = simpleGit({ baseDir: folder, abort, allowEnvironment }).env(access.environment);
    const branch = source.branch ?? "main";
    const subfolder = source.path?.replaceAll(/^\/+|\/+$/g, "") ?? "";
    await git.clone(access.url, checkout, [
      "--depth=1",
      "--single-branch",
      "--no-tags",
      "--no-recurse-submodules",
      "--no-checkout",
      `--branch=${branch}`,
    ]);
    await git.cwd(checkout);
    if (subfolder !== "") await git.raw(["sparse-checkout", "set", "--no-cone", `/${subfolder}/`]);
    await git.raw(["checkout", "--quiet", branch]);
    const revision = (await git.revparse(["HEAD"])).trim();
    return { revision, files: await readFolder(checkout, subfolder) };
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

/** What git said, as one word of ours. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : "";
  if (/Host key verification failed/i.test(text)) return "unknown-host";
  if (/Authentication|Permission denied|could not read Username|403|401/i.test(text)) return "not-authorised";
  if (/Remote branch .* not found/i.test(text)) return "no-such-branch";
  if (/not found|does not exist|not appear to be a git repository/i.test(text)) return "no-such-repository";
  if (/timed out|abort/i.test(text)) return "too-slow";
  return "git-failed";
}

/** Regular files only: a link could lead anywhere on this machine. */
async function readFolder(checkout: string, subfolder: string): Promise<Fetched["files"]> {
  const root = path.join(checkout, subfolder);
  const top = await lstat(root).catch(() => undefined);
  if (!top?.isDirectory())
    throw new ProblemError("source_unreachable", `The branch has no folder ${subfolder}.`, { cause: "no-such-path" });
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile() && isManifest.test(entry.name))
    .map((entry) => path.relative(checkout, path.join(entry.parentPath, entry.name)))
    .filter((name) => !name.split(path.sep).some((part) => part.startsWith(".")))
    .sort();
  if (names.length > limits.files)
    throw new ProblemError("source_unreachable", `The folder has more than ${limits.files} manifests.`, { cause: "too-many" });
  const files: Fetched["files"] = [];
  let bytes = 0;
  for (const name of names) {
    const text = await readFile(path.join(checkout, name), "utf8");
    bytes += Buffer.byteLength(text);
    if (bytes > limits.bytes)
      throw new ProblemError("source_unreachable", `The manifests are larger than ${limits.bytes} bytes.`, { cause: "too-large" });
    files.push({ path: name, text });
  }
  return files;
}
