/** A throwaway PostgreSQL for tests and benchmarks: from PATH or Debian's folder, on a free loopback port, in a folder of its own. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdtemp, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import { freePort } from "../../sandbox/ministack.ts";

const run = promisify(execFile);
const debian = "/usr/lib/postgresql";

export interface Postgres {
  /** `postgres://…/postgres` */
  url: string;
  version: string;
  /** Makes a database and answers its URL. */
  database(name: string): Promise<string>;
  stop(): Promise<void>;
}

/** Where the server's programs are; undefined when there are none on this machine. */
export async function findPostgres(): Promise<string | undefined> {
  const versions = (await readdir(debian).catch((): string[] => [])).toSorted((a, b) => Number(b) - Number(a));
  const folders = [...(process.env["PATH"] ?? "").split(path.delimiter), ...versions.map((version) => path.join(debian, version, "bin"))];
  for (const folder of folders) {
    const ran = await run(path.join(folder, "initdb"), ["--version"]).catch(() => undefined);
    if (ran) return folder;
  }
  return undefined;
}

/**
 * Starts one, or answers undefined and says so loudly: then the caller skips. A server refuses to run as root, so there it runs as
 * the user `postgres` that the package made. A `durable` one keeps what it commits, as it comes: for measurements.
 */
export async function startPostgres({ durable = false } = {}): Promise<Postgres | undefined> {
  const programs = await findPostgres();
  if (programs === undefined) {
    console.error("NO POSTGRESQL ON THIS MACHINE: what needs one is skipped. Install Debian's `postgresql`, or put its programs on PATH.");
    return undefined;
  }
  const folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-postgres-"));
  const user = process.getuid?.() === 0 ? await idsOf("postgres") : undefined;
  if (user) await chown(folder, user.uid, user.gid);
  await chmod(folder, 0o700);
  const data = path.join(folder, "data");
  await run(path.join(programs, "initdb"), ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"], {
    ...user,
    cwd: folder,
  });
  const port = await freePort();
  const quick = durable ? [] : ["fsync=off", "max_connections=60"];
  const settings = ["listen_addresses=127.0.0.1", `unix_socket_directories=${folder}`, ...quick];
  const child = spawn(path.join(programs, "postgres"), ["-D", data, "-p", String(port), ...settings.flatMap((one) => ["-c", one])], {
    ...user,
    cwd: folder,
    stdio: "ignore",
  });
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  const base = `postgres://postgres@127.0.0.1:${port}`;
  const url = `${base}/postgres`;
  const stop = async () => {
    if (child.exitCode === null) {
      const ended = once(child, "exit");
      child.kill("SIGINT");
      await ended;
    }
    process.off("exit", kill);
    await rm(folder, { recursive: true, force: true });
  };
  for (let attempt = 0; ; attempt++) {
    const version = await ask(url, "show server_version").catch(() => undefined);
    if (version !== undefined) return { url, version: version.split(" ")[0] ?? "", database: (name) => makeDatabase(base, name), stop };
    if (attempt < 150 && child.exitCode === null) await sleep(100);
    else {
      await stop();
      throw new Error("PostgreSQL didn't start.");
    }
  }
}

async function makeDatabase(base: string, name: string): Promise<string> {
  await ask(`${base}/postgres`, `create database ${name}`);
  return `${base}/${name}`;
}

/** The first value of the answer. */
async function ask(url: string, statement: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(statement).finally(() => client.end());
  return String(Object.values((rows[0] as object | undefined) ?? {})[0]);
}

async function idsOf(name: string): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all(["-u", "-g"].map(async (flag) => Number((await run("id", [flag, name])).stdout)));
  return { uid: uid ?? 0, gid: gid ?? 0 };
}
