/** What a test file's process is given: the project's own Node, and for files that need them the CLI and the emulator. */
import { rmSync } from "node:fs";
import { mkdtemp, readFile, statfs } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { ensureMinistack } from "../../setup/ministack.ts";
import { ensurePulumiCli } from "../../setup/pulumi-cli.ts";
import { cacheFolder, type Say } from "../../setup/step.ts";
import { makeDatabase, makeTemplate } from "./made-database.ts";
import { startPostgres } from "./postgres.ts";

const bin = path.resolve(import.meta.dirname, "../../node_modules/.bin");

/**
 * Compiled modules stay in the user's cache: the files, their services, runners and plugins load the same ones again and again, in this
 * run and the next (a third of the CPU of a short e2e file).
 */
export async function testEnvironment(): Promise<NodeJS.ProcessEnv> {
  return {
    ...process.env,
    PATH: `${bin}${path.delimiter}${process.env["PATH"] ?? ""}`,
    NODE_COMPILE_CACHE: cacheFolder("compiled-tests"),
  };
}

/** Where temporary folders cost a third of the system's time less: in memory, if there is plenty and nobody wants them elsewhere. */
export async function inMemory(): Promise<NodeJS.ProcessEnv> {
  const folder = "/dev/shm";
  const mounts = await readFile("/proc/mounts", "utf8").catch(() => "");
  const [, , kind, options = ""] =
    mounts
      .split("\n")
      .map((line) => line.split(" "))
      .find(([, at]) => at === folder) ?? [];
  if (process.env["TMPDIR"] !== undefined || kind !== "tmpfs" || /\b(?:ro|noexec)\b/.test(options)) return {};
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize < 4e9 ? {} : { TMPDIR: folder };
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
