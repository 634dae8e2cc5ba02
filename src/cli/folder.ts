/** Manifests of a folder or file of this machine, and the source that owns them. */
import { isUtf8 } from "node:buffer";
import { execFile } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { faultAt, type LocatedManifest, type ManifestFault, notUtf8Fault, readManifests } from "../gitops/manifests.ts";
import { repositoryName } from "../model/repository-name.ts";
import { CommandFailure, exits } from "./failure.ts";
import { findManifestFiles, unreadable } from "./manifest-files.ts";

/**
 * @throws CommandFailure `usage` when the path doesn't exist, or a file has a fault or can't be read. The message names each fault with its
 * line and column, and nothing is sent
 */
export async function readFolder(where: string): Promise<LocatedManifest[]> {
  const place = await stat(where).catch(() => undefined);
  if (!place) throw new CommandFailure(exits.usage, `There is no ${where}.`);
  const found = place.isDirectory() ? await findManifestFiles(where) : { files: [where], faults: [] };
  const read = await Promise.all(found.files.map(readOne));
  const faults = [...found.faults, ...read.flatMap((one) => one.faults)];
  if (faults.length > 0) throw new CommandFailure(exits.usage, faults.map(faultLine).join("\n"));
  const manifests = read.flatMap((one) => one.manifests);
  if (manifests.length === 0) throw new CommandFailure(exits.usage, `No manifest in ${where}: it looks for .yaml, .yml and .json files.`);
  return manifests;
}

async function readOne(file: string): Promise<{ manifests: LocatedManifest[]; faults: ManifestFault[] }> {
  const bytes = await readFile(file).catch((error: unknown) => unreadable(error));
  if (typeof bytes === "string") return { manifests: [], faults: [faultAt(file, bytes)] };
  if (!isUtf8(bytes)) return { manifests: [], faults: [faultAt(file, notUtf8Fault)] };
  return readManifests(file, bytes.toString());
}

/** `file:line:column: what is wrong`, the form that compilers write and editors read. */
export const faultLine = ({ file, line, column, detail }: ManifestFault): string => `${file}:${line}:${column}: ${detail}`;

export interface Origin {
  repository: string;
  revision: string;
  sequence?: number;
}

/**
 * The source that owns the manifests: from the flags, else from CI, else from the folder's own repository, else the folder itself. The URL
 * of a remote often contains a token, which is removed here and never sent.
 *
 * @throws CommandFailure `usage` when the repository's name is empty without the token, or the sequence isn't a number
 */
export async function originOf(
  where: string,
  flags: { repository?: string; revision?: string; sequence?: string },
  env: NodeJS.ProcessEnv,
): Promise<Origin> {
  const github =
    env["GITHUB_SERVER_URL"] && env["GITHUB_REPOSITORY"] ? `${env["GITHUB_SERVER_URL"]}/${env["GITHUB_REPOSITORY"]}` : undefined;
  const repository = flags.repository ?? github ?? env["CI_PROJECT_URL"] ?? (await git(where, "remote", "get-url", "origin"));
  const revision = flags.revision ?? env["GITHUB_SHA"] ?? env["CI_COMMIT_SHA"] ?? (await git(where, "rev-parse", "HEAD"));
  const sequence = flags.sequence ?? env["GITHUB_RUN_NUMBER"] ?? env["CI_PIPELINE_IID"];
  return {
    repository: nameOf(repository ?? `folder:${path.resolve(where)}`),
    revision: revision ?? "working-copy",
    ...(sequence !== undefined && { sequence: wholeNumber(sequence) }),
  };
}

function nameOf(repository: string): string {
  const name = repositoryName(repository);
  if (name !== "") return name;
  throw new CommandFailure(exits.usage, "The repository has no name. Give it one with --repository.");
}

function wholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new CommandFailure(exits.usage, "--sequence is a whole number, such as the pipeline's.");
}

async function git(where: string, ...args: string[]): Promise<string | undefined> {
  const folder = (await stat(where)).isFile() ? path.dirname(where) : where;
  return promisify(execFile)("git", ["-C", folder, ...args]).then(
    ({ stdout }) => stdout.trim() || undefined,
    () => undefined,
  );
}
