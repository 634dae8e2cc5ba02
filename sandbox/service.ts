/** Starts the real service against a sandbox, as a process of its own, and stops it again. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { portTaken } from "./port.ts";
import type { Sandbox } from "./sandbox.ts";
import { writeSandboxFile } from "./sandbox-file.ts";

export interface RunningService {
  url: string;
  token: string;
  process: ChildProcess;
  /** The last lines of its log, for a failed test. */
  tail(): string;
  /** SIGTERM, then waits for its end; answers the exit code. */
  stop(): Promise<number | null>;
}

export interface ServiceOptions {
  /** More environment, such as DATABASE_URL. */
  environment?: Record<string, string>;
  /** 0 takes a free one. */
  port?: number;
  /** seconds to become ready */
  readyWithin?: number;
}

const TAIL = 200;
/** What it wrote last may come after its end. */
const LAST_WORDS_MILLISECONDS = 1_000;
/** As `npm start` and the image have them. */
const heapFlags = ["--max-semi-space-size=8", "--heap-growing-percent=30"];

/**
 * Starts `src/main.ts` with the sandbox's environment and waits until `/readyz` says ready; writes url and token into
 * sandbox.json. It ends with this process, however this process ends.
 *
 * @throws Error with the last log lines when it ends early or isn't ready in time, in one sentence when its port is taken; it is stopped then
 */
export async function startService(sandbox: Sandbox, options: ServiceOptions = {}): Promise<RunningService> {
  const token = process.env.DRAWBRIDGE_ADMIN_TOKEN ?? `dbr_${randomBytes(32).toString("base64url")}`;
  const child = launch(sandbox, token, options);
  const lines: string[] = [];
  const keep = (line: string) => {
    lines.push(line);
    if (lines.length > TAIL) lines.shift();
  };
  const tail = () => lines.join("\n");
  createInterface({ input: child.stderr }).on("line", keep);
  const listening = urlOf(child, keep);
  const ended = once(child, "exit");
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
      await ended;
    }
    return child.exitCode;
  };
  const early = ended.then(async ([code]) => {
    await Promise.race([once(child, "close"), sleep(LAST_WORDS_MILLISECONDS)]);
    throw new Error(earlyEnd(code, tail(), options.port));
  });
  early.catch(() => {});
  try {
    const url = await Promise.race([listening, early]);
    await Promise.race([ready(url, (options.readyWithin ?? 60) * 1000, tail), early]);
    await writeSandboxFile(sandbox.dataDir, { serviceUrl: url, token });
    return { url, token, process: child, tail, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function launch(sandbox: Sandbox, token: string, options: ServiceOptions) {
  const main = path.resolve(import.meta.dirname, "../src/main.ts");
  const child = spawn(process.execPath, [...heapFlags, "--import", import.meta.resolve("./end-with-parent.ts"), main], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      ...(process.env.NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }),
      ...sandbox.environment,
      DRAWBRIDGE_ADMIN_TOKEN: token,
      DRAWBRIDGE_PORT: String(options.port ?? 0),
      ...options.environment,
    },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.on("error", () => undefined); // the service may end first
  return child;
}

function earlyEnd(code: unknown, tail: string, port = 0): string {
  return tail.includes("EADDRINUSE") ? portTaken(port) : `The service ended with code ${code} before it was ready:\n${tail}`;
}

/** The service logs one line with its URL when it listens. */
function urlOf(child: ChildProcess, keep: (line: string) => void): Promise<string> {
  return new Promise((resolve) => {
    if (!child.stdout) throw new Error("the service's output isn't piped");
    createInterface({ input: child.stdout }).on("line", (line) => {
      keep(line);
      const url = /"url":"(http:[^"]+)"/.exec(line)?.[1];
      if (url) resolve(url);
    });
  });
}

async function ready(url: string, milliseconds: number, tail: () => string): Promise<void> {
  const end = Date.now() + milliseconds;
  for (;;) {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
    if (answer?.ok) return;
    if (Date.now() > end) throw new Error(`The service wasn't ready in time: ${await answer?.text()}\n${tail()}`);
    await sleep(100);
  }
}
