/** A data folder serves one sandbox at a time: a second one would empty it under the first one's feet. */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { Say } from "../setup/step.ts";
import { ProblemError } from "../src/problem.ts";
import { holderOf, lockFolder } from "../src/store/database/folder-lock.ts";

/**
 * Takes the folder for this process before anything in it is touched; the answer gives it back, and may be called twice. The service has
 * a lock of its own, on `store`. What a killed process held is free after some seconds.
 *
 * @throws Error in one sentence that names the process which has it
 */
export async function takeDataFolder(dataDir: string, log: Say): Promise<() => Promise<void>> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const lockIn = path.join(dataDir, "sandbox-lock");
  try {
    const release = await lockFolder(lockIn, () =>
      log(`The sandbox lost its lock on the data folder ${dataDir}. Stop it and start again.`),
    );
    return () => release().catch(() => undefined); // released before, or the folder is gone
  } catch (error) {
    if (!(error instanceof ProblemError && error.problem.code === "not_ready")) throw error;
    throw new Error(
      `${await holderOf(lockIn)} has a sandbox in the data folder ${dataDir}. Stop that process, or choose another DRAWBRIDGE_DATA_DIR.`,
    );
  }
}
