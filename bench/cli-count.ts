/** Counts the CLI processes of one side. */
import { mkdir, stat, writeFile } from "node:fs/promises";
import path from "node:path";

export interface CountedCli {
  /** In place of the CLI's own */
  root: string;
  starts(): Promise<number>;
  /** Milliseconds since 1970 */
  lastStart(): Promise<number>;
}

/** Makes a CLI root in `folder` whose `pulumi` leaves one byte per start and becomes the one of `root`: a millisecond, on both sides. */
export async function countCli(root: string, folder: string): Promise<CountedCli> {
  const bin = path.join(folder, "bin");
  const left = path.join(folder, "starts");
  await mkdir(bin, { recursive: true });
  await writeFile(left, "");
  await writeFile(path.join(bin, "pulumi"), `#!/bin/sh\necho >>'${left}'\nexec '${path.join(root, "bin", "pulumi")}' "$@"\n`, {
    mode: 0o755,
  });
  return { root: folder, starts: async () => (await stat(left)).size, lastStart: async () => (await stat(left)).mtimeMs };
}
