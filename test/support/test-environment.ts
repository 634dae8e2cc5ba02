/** What a test file's process is given: the project's own Node, and for files that need them the CLI and the emulator. */
import path from "node:path";
import { ensureMinistack } from "../../setup/ministack.ts";
import { ensurePulumiCli } from "../../setup/pulumi-cli.ts";
import type { Say } from "../../setup/step.ts";

const bin = path.resolve(import.meta.dirname, "../../node_modules/.bin");

/**
 * `compiled` is a folder where Node keeps compiled modules: the files, their services, runners and plugins load the same ones again
 * and again (a third of the CPU of a short e2e file).
 */
export function testEnvironment(compiled: string): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${bin}${path.delimiter}${process.env["PATH"] ?? ""}`, NODE_COMPILE_CACHE: compiled };
}

/** What files need that start an engine besides: CLI and emulator, which are fetched where they are missing. */
export async function engineEnvironment(log: Say): Promise<NodeJS.ProcessEnv> {
  const cli = await ensurePulumiCli({ log });
  await ensureMinistack({ log });
  return { PULUMI_CLI_ROOT: cli.root };
}
