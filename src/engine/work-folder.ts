/** One folder for each update in an attempt: project file, stack settings, credentials. It is deleted when the update ends. */

import { existsSync } from "node:fs";
import { chmod, copyFile, lstat, mkdir, readdir, rm, rmdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { isMarkerAlive } from "../processes.ts";

/** The project's own Pulumi.yaml. The search goes upwards from this file, because sources and build are at different depths. */
function projectFile(): string {
  let folder = import.meta.dirname;
  while (!existsSync(path.join(folder, "Pulumi.yaml"))) {
    const parent = path.dirname(folder);
    if (parent === folder) throw new Error("Pulumi.yaml is missing from the installation");
    folder = parent;
  }
  return path.join(folder, "Pulumi.yaml");
}

export interface FolderContents {
  stack: string;
  settings: string;
  credentials: string;
}

/** Makes the folder (0700). Its path ends in `<mark>/<stack>`. Deletes what an earlier run left there. */
export async function makeWorkFolder(folder: string, contents: FolderContents): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(path.join(folder, "tmp"), { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  await Promise.all([
    copyFile(projectFile(), path.join(folder, "Pulumi.yaml")),
    writeFile(path.join(folder, `Pulumi.${contents.stack}.yaml`), contents.settings, { mode: 0o600 }),
    writeFile(path.join(folder, "credentials"), contents.credentials, { mode: 0o600 }),
    writeFile(path.join(folder, "aws-config"), "", { mode: 0o600 }),
  ]);
}

/** Deletes the folder and its contents; also the operation's own folder if that is then empty. */
export async function dropWorkFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  await rmdir(path.dirname(folder)).catch(() => {});
}

/** Deletes work folders that an earlier process of the service left, except those whose operation still has a running process. */
export async function sweepWorkFolders(folders: string): Promise<void> {
  const marks = await readdir(folders).catch((): string[] => []);
  const alive = await Promise.all(marks.map((operation) => isMarkerAlive({ operation })));
  await emptyFolder(folders, (name) => marks.indexOf(name) < 0 || alive[marks.indexOf(name)] === true);
}

/** Deletes everything in a folder except the names to keep. Makes the folder (0700) if it doesn't exist. */
async function emptyFolder(folder: string, keep: (name: string) => boolean): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const names = (await readdir(folder)).filter((name) => !keep(name));
  await Promise.all(names.map((name) => rm(path.join(folder, name), { recursive: true, force: true })));
}

/**
 * Stops the CLI from keeping logs. At every start it logs all that it does below PULUMI_HOME, documents included, and has no switch against
 * it (pulumi/pulumi pkg/logging/encrypted.go). If a file is in the place of the log folder, the CLI continues without logs. Nobody reads
 * them, and writing them takes a twentieth of the CPU of a create. If we may not change PULUMI_HOME, the CLI's own limits remain.
 */
export async function keepNoLogs(pulumiHome: string): Promise<void> {
  const logs = path.join(pulumiHome, "logs");
  for (let tries = 1; ; tries++) {
    if ((await lstat(logs).catch(() => undefined))?.isFile()) return;
    const failed = await putFile(logs).catch((error: NodeJS.ErrnoException) => error);
    if (failed && ["EACCES", "EPERM", "EROFS"].includes(failed.code ?? "")) return;
    // A CLI that has just started may be making the folder again, or writing in it.
    if (failed && tries === 5) throw failed;
  }
}

async function putFile(place: string): Promise<void> {
  await mkdir(path.dirname(place), { recursive: true, mode: 0o700 });
  await rm(place, { recursive: true, force: true, maxRetries: 3 });
  await writeFile(place, "", { flag: "wx", mode: 0o600 });
}
