import { access, mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { cacheFolder, complaint, run, type Say, step } from "./step.ts";

/** What tests the API by its document (PyPI, MIT). */
export const schemathesisVersion = "4.32.5";

/**
 * A Python environment with schemathesis in the user's cache folder; made on first use. Answers the program's path.
 *
 * @throws Error with the end of pip's complaint
 */
export async function ensureSchemathesis(log: Say): Promise<string> {
  const folder = cacheFolder("schemathesis", schemathesisVersion);
  const program = path.join(folder, "bin", "schemathesis");
  const made = path.join(folder, "complete");
  const isThere = await access(made).then(
    () => true,
    () => false,
  );
  if (isThere) return program;
  await step(log, `schemathesis ${schemathesisVersion}: install`, async () => {
    // A virtual environment knows its own path, so it is made in place and marked when it is complete.
    await rm(folder, { recursive: true, force: true });
    await mkdir(path.dirname(folder), { recursive: true });
    await must("python3", ["-m", "venv", folder]);
    const pip = ["-m", "pip", "install", "--disable-pip-version-check", "--quiet", `schemathesis==${schemathesisVersion}`];
    await must(path.join(folder, "bin", "python"), pip);
    await mkdir(made);
  });
  return program;
}

async function must(command: string, args: string[]): Promise<void> {
  const ran = await run(command, args, { limitSeconds: 600 });
  if (ran.code !== 0) throw new Error(`schemathesis ${schemathesisVersion} could not be installed.\n${complaint(ran)}`);
}
