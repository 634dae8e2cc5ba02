import { chmod, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import type { SandboxAccounts } from "./seed.ts";

/** `sandbox.json` in the data folder: all that a test or a person needs to be anybody in the sandbox. Readable by its owner only. */
export interface SandboxFile {
  /** where the service listens; empty until it was started */
  serviceUrl: string;
  /** the service's administrator token; empty until it was started */
  token: string;
  awsEndpoint: string;
  stateUrl: string;
  accounts: SandboxAccounts;
}

const nameOf = (dataDir: string) => path.join(dataDir, "sandbox.json");

/** Reads `sandbox.json`. Throws when no sandbox was started with this data folder. */
export async function readSandboxFile(dataDir: string): Promise<SandboxFile> {
  return JSON.parse(await readFile(nameOf(dataDir), "utf8")) as SandboxFile;
}

/** Changes some of `sandbox.json`'s keys, as whoever starts the service does with `serviceUrl` and `token`. The first write needs them all. */
export async function writeSandboxFile(dataDir: string, patch: Partial<SandboxFile>): Promise<void> {
  const before = await readSandboxFile(dataDir).catch(() => ({}));
  const unfinished = `${nameOf(dataDir)}.${process.pid}`;
  await writeFile(unfinished, `${JSON.stringify({ ...before, ...patch }, null, 2)}\n`, { mode: 0o600 });
  await chmod(unfinished, 0o600);
  await rename(unfinished, nameOf(dataDir));
}
