import { mkdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { lock } from "proper-lockfile";
import { ProblemError } from "../../problem.ts";
import { startTimeOf } from "../../processes.ts";

interface Holder {
  pid: number;
  host: string;
  start: string;
}

// After this time without an update, a lock is stale. PGlite can block the event loop for seconds while it makes a new database.
const staleMilliseconds = 30_000;
// The minimum of proper-lockfile. It is used if the holder is known to be dead, so that a restart after a crash is quick.
const deadMilliseconds = 2_000;

/**
 * Takes the data folder for this process: a second process can open the same PGlite folder without an error, and then rows are lost.
 * Resolves to the release. Calls `onLost` if the lock is taken away.
 *
 * @throws ProblemError not_ready when another live process has the folder
 */
export async function lockFolder(folder: string, onLost: (error: Error) => void): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const holderFile = join(folder, "holder.json");
  const held = await readHolder(holderFile);
  const dead = held !== undefined && (await isDead(held));
  try {
    const release = await lock(folder, {
      stale: dead ? deadMilliseconds : staleMilliseconds,
      update: deadMilliseconds / 2,
      retries: dead ? { retries: 5, factor: 1, minTimeout: 1_000 } : 0,
      lockfilePath: join(folder, "lock"),
      onCompromised: onLost,
    });
    const me: Holder = { pid: process.pid, host: hostname(), start: (await startTimeOf(process.pid)) ?? "" };
    await writeFile(holderFile, JSON.stringify(me), { mode: 0o600 });
    return release;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ELOCKED")) throw error;
    throw new ProblemError(
      "not_ready",
      `${nameOf(held)} is using the data folder ${folder}. Stop it, choose another DRAWBRIDGE_DATA_DIR, or set DATABASE_URL to share a PostgreSQL.`,
    );
  }
}

/** Names the process that holds a folder's lock, as the subject of a sentence. The holder may not have written its name yet. */
export const holderOf = async (folder: string): Promise<string> => nameOf(await readHolder(join(folder, "holder.json")));

const nameOf = (holder: Holder | undefined): string =>
  holder === undefined ? "Another process" : `Process ${holder.pid} on ${holder.host}`;

async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch {
    return undefined; // the first start, or a crash during the write: the lock's age decides
  }
}

async function isDead(holder: Holder): Promise<boolean> {
  if (holder.host !== hostname()) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH";
  }
  // The pid is in use, by the holder or by a later process with the same number.
  return ((await startTimeOf(holder.pid)) ?? "") !== holder.start;
}
