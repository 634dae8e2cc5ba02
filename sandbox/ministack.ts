import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureMinistack, type Ministack } from "../setup/ministack.ts";
import type { Say } from "../setup/step.ts";

/** A running AWS emulator on loopback. */
export interface Emulator {
  /** `http://127.0.0.1:<port>` */
  endpoint: string;
  pid: number;
  /** Ends it and waits until the process is gone. Safe to call twice. */
  stop(): Promise<void>;
}

const startLimitSeconds = 30;

export interface EmulatorOptions {
  dataDir: string;
  log: Say;
  /** Starts with what its files in `<dataDir>/aws` hold, and writes them at its end. */
  keeps?: boolean;
}

/**
 * Starts MiniStack with IAM enforced (`AUTH=true`) on a free port of 127.0.0.1, empty unless it keeps files, and waits until it is
 * healthy. It ends with this process, however this process ends. Throws an Error with the emulator's last words when it won't start.
 */
export async function startEmulator({ dataDir, log, keeps = false }: EmulatorOptions): Promise<Emulator> {
  const ministack = await ensureMinistack({ log });
  const folder = path.join(dataDir, "aws");
  await mkdir(folder, { recursive: true });
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const child = launch(ministack, { folder, port, keeps });
    const endpoint = `http://127.0.0.1:${port}`;
    const failure = await untilHealthy(child, endpoint);
    if (failure === undefined) return { endpoint, pid: child.process.pid as number, stop: () => stop(child.process) };
    await stop(child.process);
    // Another process may have taken the port between the question and the start.
    if (attempt === 3) throw new Error(`The AWS emulator did not start: ${failure}`);
  }
}

interface Launched {
  process: ChildProcess;
  lastWords(): string;
}

interface LaunchOptions {
  folder: string;
  port: number;
  keeps: boolean;
}

function launch({ python, packages }: Ministack, { folder, port, keeps }: LaunchOptions): Launched {
  const child = spawn(python, [path.join(import.meta.dirname, "watch-parent.py")], {
    cwd: folder,
    stdio: ["pipe", "ignore", "pipe"],
    env: {
      PATH: process.env["PATH"],
      HOME: folder,
      PYTHONPATH: packages,
      PYTHONDONTWRITEBYTECODE: "1",
      AUTH: "true",
      BIND_HOST: "127.0.0.1",
      GATEWAY_PORT: String(port),
      STATE_DIR: folder,
      PERSIST_STATE: keeps ? "1" : "0",
      S3_DATA_DIR: path.join(folder, "s3"),
      // Either would open a second listener, the first one on every interface.
      IOT_MTLS_ENABLED: "0",
      SFTP_ENABLED: "0",
      LOG_LEVEL: "WARNING",
    },
  });
  let words = "";
  child.stderr.on("data", (chunk: Buffer) => {
    words = (words + chunk.toString()).slice(-2000);
  });
  child.stdin.on("error", () => undefined); // the emulator may end first
  child.on("error", (error) => {
    words += error.message;
  });
  return { process: child, lastWords: () => words.trim() };
}

async function untilHealthy({ process: child, lastWords }: Launched, endpoint: string): Promise<string | undefined> {
  const deadline = Date.now() + startLimitSeconds * 1000;
  while (Date.now() < deadline) {
    if (child.pid === undefined || child.exitCode !== null) return lastWords() || "it ended at once";
    const isHealthy = await fetch(`${endpoint}/_ministack/health`, { signal: AbortSignal.timeout(2000) }).then(
      (response) => response.ok,
      () => false,
    );
    if (isHealthy && child.exitCode === null) return undefined;
    await sleep(50);
  }
  return `it was not healthy within ${startLimitSeconds} s. ${lastWords()}`;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const kill = setTimeout(() => child.kill("SIGKILL"), 5000);
  await gone;
  clearTimeout(kill);
}

/** A port of the loopback interface that nobody listens on right now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("No free port on 127.0.0.1.");
  return address.port;
}
