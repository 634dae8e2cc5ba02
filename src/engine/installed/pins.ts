/** Compares the programs that run updates with the SHA-256 pins of the configuration. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { ProblemError } from "../../problem.ts";

/**
 * Checks a file against its pin.
 *
 * @throws ProblemError `program_not_pinned` when it is another file, `not_ready` when it can't be read
 */
export type CheckPin = (what: string, file: string, pin: string) => Promise<void>;

/**
 * A check that reads a file once, and again if the file was written or replaced or its link was changed. It compares the inode, the size
 * and the kernel's time of change, which no program can set.
 */
export function pinChecks(): CheckPin {
  const known = new Map<string, { mark: string; digest: Promise<string> }>();
  return async (what, file, pin) => {
    const mark = await markOf(file).catch(() => {
      throw new ProblemError("not_ready", `${what} can't be read. Run the set-up again.`);
    });
    const before = known.get(file);
    const entry = before?.mark === mark ? before : { mark, digest: digestOf(file) };
    known.set(file, entry);
    entry.digest.catch(() => known.delete(file));
    const digest = await entry.digest;
    if (digest !== pin) throw new ProblemError("program_not_pinned", `${what} isn't the pinned one: its SHA-256 is ${digest}.`);
  };
}

async function markOf(file: string): Promise<string> {
  const { dev, ino, size, ctimeNs } = await stat(file, { bigint: true });
  return [dev, ino, size, ctimeNs].join();
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest("hex");
}
