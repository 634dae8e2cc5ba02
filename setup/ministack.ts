import { access, mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { cacheFolder, complaint, type Run, run, type Say, step } from "./step.ts";

/** The AWS emulator of the sandbox (PyPI, MIT). It releases often and changes with each release, so the pin is exact. */
export const ministackVersion = "1.5.33";

/** How to start the emulator: a Python and the folder to put on PYTHONPATH. */
export interface Ministack {
  python: string;
  packages: string;
}

/**
 * Finds Python 3.10 or newer and puts MiniStack into the user's cache folder with `pip install --target` (no virtual
 * environment, nothing global). Throws an Error whose message says what to install.
 */
export async function ensureMinistack({ log, run: runWith = run }: { log: Say; run?: Run }): Promise<Ministack> {
  const python = await findPython(runWith);
  const packages = cacheFolder("ministack", ministackVersion);
  const isThere = await access(path.join(packages, `ministack-${ministackVersion}.dist-info`)).then(
    () => true,
    () => false,
  );
  if (isThere) log(`MiniStack ${ministackVersion}: found in ${packages}`);
  else await step(log, `MiniStack ${ministackVersion}: install`, () => install(python, packages, runWith));
  return { python, packages };
}

/** Whether what `python --version` printed is 3.10 or newer. */
export function isPythonAcceptable(printed: string): boolean {
  const [, major, minor] = /^Python (\d+)\.(\d+)/.exec(printed.trim()) ?? [];
  return Number(major) === 3 && Number(minor) >= 10;
}

async function findPython(runWith: Run): Promise<string> {
  for (const name of ["python3", "python3.13", "python3.12", "python3.11", "python3.10"]) {
    const ran = await runWith(name, ["--version"], { limitSeconds: 20 });
    if (ran.code === 0 && isPythonAcceptable(ran.stdout)) return name;
  }
  throw new Error(
    "The sandbox needs Python 3.10 or newer: install it (https://www.python.org/downloads/, or your system's python3) and run this again.",
  );
}

async function install(python: string, packages: string, runWith: Run): Promise<void> {
  const pip = await runWith(python, ["-m", "pip", "--version"], { limitSeconds: 60 });
  if (pip.code !== 0)
    throw new Error(`The sandbox needs pip for ${python}: install it (on Debian and Ubuntu the package python3-pip) and run this again.`);
  const unfinished = `${packages}.${process.pid}`;
  await mkdir(path.dirname(packages), { recursive: true });
  try {
    const versions = path.join(import.meta.dirname, "ministack-constraints.txt");
    const args = ["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--target", unfinished];
    args.push("--constraint", versions, `ministack==${ministackVersion}`);
    const ran = await runWith(python, args, { limitSeconds: 600 });
    if (ran.code !== 0) throw new Error(`pip could not install MiniStack ${ministackVersion}.\n${complaint(ran)}`);
    await rm(packages, { recursive: true, force: true });
    await rename(unfinished, packages);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}
