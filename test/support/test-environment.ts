/** What a test file's process is given: the project's own Node, and for files that need them the CLI and the emulator. */
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { ensureMinistack } from "../../setup/ministack.ts";
import { ensurePulumiCli } from "../../setup/pulumi-cli.ts";
import type { Say } from "../../setup/step.ts";
import { makeDatabase, makeTemplate } from "./made-database.ts";
import { startPostgres } from "./postgres.ts";

const bin = path.resolve(import.meta.dirname, "../../node_modules/.bin");

/**
 * A folder that goes with this process holds what the files share: compiled modules, which they, their services, runners and plugins load
 * again and again (a third of the CPU of a short e2e file).
 */
export async function testEnvironment(): Promise<NodeJS.ProcessEnv> {
  const kept = await keptFolder();
  return {
    ...process.env,
    PATH: `${bin}${path.delimiter}${process.env["PATH"] ?? ""}`,
    NODE_COMPILE_CACHE: path.join(kept, "compiled"),
  };
}

/** What files need that open a store: one to copy, and a PostgreSQL, unless DATABASE_URL names one. */
export async function storeEnvironment(): Promise<{ env: NodeJS.ProcessEnv; stop(): Promise<void> }> {
  const made = await makeDatabase(path.join(await keptFolder(), "database"));
  const postgres = process.env["DATABASE_URL"] === undefined ? await startPostgres() : undefined;
  if (!postgres) return { env: made, stop: async () => {} };
  const template = await makeTemplate(await postgres.database("drawbridge_template"));
  return { env: { ...made, DATABASE_URL: postgres.url, ...template }, stop: postgres.stop };
}

async function keptFolder(): Promise<string> {
  const kept = await mkdtemp(path.join(os.tmpdir(), "drawbridge-run-"));
  process.once("exit", () => rmSync(kept, { recursive: true, force: true }));
  return kept;
}

/** What files need that start an engine besides: CLI and emulator, which are fetched where they are missing. */
export async function engineEnvironment(log: Say): Promise<NodeJS.ProcessEnv> {
  const cli = await ensurePulumiCli({ log });
  await ensureMinistack({ log });
  return { PULUMI_CLI_ROOT: cli.root };
}
