/** One folder per attempt at an operation: project file, stack settings, credentials. Gone when the attempt is. */

import { existsSync } from "node:fs";
import { chmod, copyFile, lstat, mkdir, readdir, rm, rmdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { isMarkerAlive } from "../processes.ts";

/** The project's own Pulumi.yaml, found upwards from this file: sources and build lie at different depths. */
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

/** Makes the folder (0700), its name ending in `<mark>/<stack>`; what an earlier run left there is cleared. */
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

/** Deletes the folder and all that is in it; the operation's own folder too once it is empty. */
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

/** Deletes everything in a folder whose name isn't to be kept; makes the folder, 0700, if it isn't there. */
async function emptyFolder(folder: string, keep: (name: string) => boolean): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const names = (await readdir(folder)).filter((name) => !keep(name));
  await Promise.all(names.map((name) => rm(path.join(folder, name), { recursive: true, force: true })));
}

/**
 * Has the CLI keep no logs. It writes down all that it does below PULUMI_HOME, documents included, at every start and without a switch
 * against it (pulumi/pulumi pkg/logging/encrypted.go); where it finds a file in the folder's place it goes on without. Nobody reads
 * them, and writing them is a twentieth of the CPU of a create. Where we may not change the home, the CLI's own limits stay.
 */
export async function keepNoLogs(pulumiHome: string): Promise<void> {
  const logs = path.join(pulumiHome, "logs");
  for (let tries = 1; ; tries++) {
    if ((await lstat(logs).catch(() => undefined))?.isFile()) return;
    const failed = await putFile(logs).catch((error: NodeJS.ErrnoException) => error);
    if (failed && ["EACCES", "EPERM", "EROFS"].includes(failed.code ?? "")) return;
    // A CLI that was started a moment ago may be making the folder anew, or writing in it.
    if (failed && tries === 5) throw failed;
  }
}

async function putFile(place: string): Promise<void> {
  await mkdir(path.dirname(place), { recursive: true, mode: 0o700 });
  await rm(place, { recursive: true, force: true, maxRetries: 3 });
  await writeFile(place, "", { flag: "wx", mode: 0o600 });
}
