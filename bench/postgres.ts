/** A PostgreSQL of the bench's own, where the server's programs are installed; with its durability as it comes. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chown, glob, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";

export interface Postgres {
  version: string;
  /** Makes a database and answers its URL. */
  database(name: string): Promise<string>;
  stop(): Promise<void>;
}

/** The server refuses to run as root: then it runs as the user that its packages make. */
async function runAs(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const ids = await Promise.all(["-u", "-g"].map((flag) => promisify(execFile)("id", [flag, "postgres"])));
  const [uid = 0, gid = 0] = ids.map(({ stdout }) => Number(stdout));
  return { uid, gid };
}

async function serverPrograms(): Promise<string | undefined> {
  for await (const found of glob("/usr/lib/postgresql/*/bin")) return found;
  return undefined;
}

/** Starts one on loopback; undefined where none is installed. */
export async function startPostgres(): Promise<Postgres | undefined> {
  const bin = await serverPrograms();
  if (bin === undefined) return undefined;
  const user = await runAs();
  const folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-bench-postgres-"));
  if (user.uid !== undefined) await chown(folder, user.uid, user.gid ?? user.uid);
  const data = path.join(folder, "data");
  await promisify(execFile)(path.join(bin, "initdb"), ["-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8"], { ...user, cwd: folder });
  const port = await freePort();
  const args = ["-D", data, "-p", String(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="];
  const server = spawn(path.join(bin, "postgres"), args, { ...user, cwd: folder, stdio: "ignore" });
  // However the bench ends, its server ends too.
  process.once("exit", () => server.kill("SIGINT"));
  const base = `postgres://bench@127.0.0.1:${port}`;
  const version = await untilReady(`${base}/postgres`);
  return {
    version,
    async database(name) {
      await onServer(`${base}/postgres`, `create database ${name}`);
      return `${base}/${name}`;
    },
    async stop() {
      const ended = once(server, "exit");
      server.kill("SIGINT");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function onServer(url: string, statement: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(statement).finally(() => client.end());
  return String(Object.values((rows[0] as object | undefined) ?? {})[0]);
}

async function untilReady(url: string): Promise<string> {
  for (let tries = 0; ; tries++) {
    try {
      return (await onServer(url, "show server_version")).split(" ")[0] ?? "";
    } catch (error) {
      if (tries > 100) throw error;
      await sleep(100);
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}
