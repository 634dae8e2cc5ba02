/** AWS's own linter for templates (PyPI, MIT-0), downloaded once into the user's cache folder. */
import { access, mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { cacheFolder, run } from "../../../setup/step.ts";

const version = "1.58.0";

/** The folder with cfn-lint, or the reason why it isn't available here. */
export async function ensureCfnLint(): Promise<{ packages: string } | { missing: string }> {
  const packages = cacheFolder("cfn-lint", version);
  const isThere = await access(path.join(packages, `cfn_lint-${version}.dist-info`)).then(
    () => true,
    () => false,
  );
  if (isThere) return { packages };
  const unfinished = `${packages}.${process.pid}`;
  await mkdir(path.dirname(packages), { recursive: true });
  const args = ["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--target", unfinished, `cfn-lint==${version}`];
  const ran = await run("python3", args, { limitSeconds: 150 });
  if (ran.code === 0) await rename(unfinished, packages).catch(() => undefined);
  await rm(unfinished, { recursive: true, force: true });
  return ran.code === 0 ? { packages } : { missing: `pip can't install cfn-lint ${version} here` };
}

/** What the linter finds in template files, one line for each finding; empty if it finds nothing. */
export async function cfnLint(packages: string, files: readonly string[]): Promise<string> {
  const env = { ...process.env, PYTHONPATH: packages };
  const ran = await run(
    "python3",
    ["-c", "import sys; from cfnlint.runner import main; sys.exit(main())", "--format", "parseable", "--", ...files],
    { env, limitSeconds: 120 },
  );
  return ran.code === 0 ? "" : `${ran.stdout}${ran.stderr}`;
}
