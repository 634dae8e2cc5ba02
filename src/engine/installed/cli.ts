/** The Pulumi CLI's file and version. */
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { ProblemError } from "../../problem.ts";

/** The executable in an installation's root folder. */
export function cliPath(root: string): string {
  return path.join(root, "bin", "pulumi");
}

/** The CLI's version (`3.258.0`), as the CLI prints it. @throws `not_ready` when it can't be run */
export async function cliVersion(root: string, environment: Record<string, string>): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(cliPath(root), ["version"], {
      env: { ...environment, PULUMI_SKIP_UPDATE_CHECK: "true" },
      timeout: 20_000,
    });
    return stdout.trim().replace(/^v/, "");
  } catch {
    throw new ProblemError("not_ready", "The Pulumi CLI can't be run. Run the set-up again, or name its folder in the configuration.");
  }
}
