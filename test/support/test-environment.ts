/** What a test file's process is given: the project's own Node, and for files that need them the CLI and the emulator. */
import path from "node:path";
import { ensureMinistack } from "../../setup/ministack.ts";
import { ensurePulumiCli } from "../../setup/pulumi-cli.ts";
import type { Say } from "../../setup/step.ts";

const bin = path.resolve(import.meta.dirname, "../../node_modules/.bin");

/** `engine`: whether CLI and emulator are needed; they are fetched where they are missing. */
export async function testEnvironment({ engine, log }: { engine: boolean; log: Say }): Promise<NodeJS.ProcessEnv> {
  const env = { ...process.env, PATH: `${bin}${path.delimiter}${process.env["PATH"] ?? ""}` };
  if (!engine) return env;
  const cli = await ensurePulumiCli({ log });
  await ensureMinistack({ log });
  return { ...env, PULUMI_CLI_ROOT: cli.root };
}
