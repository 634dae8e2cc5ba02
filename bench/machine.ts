/** What the figures were measured on. */
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import os from "node:os";
import { promisify } from "node:util";
import { ensurePulumiCli } from "../setup/pulumi-cli.ts";

const versionOf = (name: string) => (createRequire(import.meta.url)(`${name}/package.json`) as { version: string }).version;

/** One line per thing: machine, versions, commit. */
export async function describeMachine(): Promise<string[]> {
  const git = (...args: string[]) => promisify(execFile)("git", args).then(({ stdout }) => stdout.trim());
  const [commit, changes] = await Promise.all([
    git("rev-parse", "--short", "HEAD"),
    git("status", "--porcelain", "--", "src", "programs", "stacks", "sandbox"),
  ]).catch(() => ["unknown", ""] as const);
  const cli = await ensurePulumiCli({ log: () => {} });
  const { stdout } = await promisify(execFile)(`${cli.root}/bin/pulumi`, ["version"], {
    env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" },
  });
  const load = os.loadavg().map((value) => value.toFixed(1));
  return [
    `${os.cpus().length} cores of ${os.cpus()[0]?.model ?? "an unnamed processor"}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()} ${os.release()}`,
    `load average (1, 5, 15 minutes) at the end: ${load.join(", ")}`,
    `Node ${process.versions.node}, Pulumi CLI ${stdout.trim()}, @pulumi/pulumi ${versionOf("@pulumi/pulumi")}, @pulumi/aws ${versionOf("@pulumi/aws")}`,
    `commit ${commit}${changes === "" ? "" : " with uncommitted changes"}, ${new Date().toISOString().slice(0, 16)}Z`,
  ];
}
