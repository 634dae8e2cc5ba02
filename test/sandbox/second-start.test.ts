/** One data folder and one port serve one demo or sandbox at a time: a second start says so, and leaves the first alone. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../sandbox/ministack.ts";
import { readPort } from "../../sandbox/port.ts";
import { type Sandbox, startSandbox } from "../../sandbox/sandbox.ts";
import { startService } from "../../sandbox/service.ts";

const demoFile = path.join(import.meta.dirname, "../../sandbox/demo.ts");
const quiet = { log: () => undefined, onlyStandIn: true };

let root: string;
const children: ChildProcess[] = [];
/** Stopped in the end, also where a test failed: one that goes on would keep this file from ending. */
const started: Sandbox[] = [];
const start = async (options: Parameters<typeof startSandbox>[0]): Promise<Sandbox> => {
  const sandbox = await startSandbox(options);
  started.push(sandbox);
  return sandbox;
};
before(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), "drawbridge-second-"));
});
after(async () => {
  for (const child of children) child.kill("SIGKILL");
  await Promise.allSettled(started.map((sandbox) => sandbox.stop()));
  await rm(root, { recursive: true, force: true });
});

/** A demo as a person starts it; TMPDIR is a folder of its own, so that what it leaves there shows. */
function startDemo(environment: Record<string, string>, tmp = root) {
  const child = spawn(process.execPath, [demoFile, "--once"], {
    env: { ...process.env, TMPDIR: tmp, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk) => {
    said.out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    said.err += chunk;
  });
  return { child, said, ended: once(child, "close").then(([code]) => code as number | null) };
}

/** Every folder, and every file with its size and the time when it was written. */
async function picture(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true });
  const lines = entries.map(async (name) => {
    const { size, mtimeMs, isDirectory } = await stat(path.join(folder, name)).then((one) => ({ ...one, isDirectory: one.isDirectory() }));
    return isDirectory ? name : `${name} ${size} ${mtimeMs}`;
  });
  return (await Promise.all(lines)).sort();
}

async function isReachable(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
    () => true,
    () => false,
  );
}

async function until(what: () => Promise<boolean> | boolean, seconds: number): Promise<boolean> {
  for (const end = Date.now() + seconds * 1_000; Date.now() < end; await sleep(100)) if (await what()) return true;
  return false;
}

async function takePort(): Promise<{ port: number; release(): Promise<void> }> {
  const port = await freePort();
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  return { port, release: async () => void (await once(server.close(), "close")) };
}

describe("a data folder that a sandbox has", { concurrency: false }, () => {
  let dataDir: string;
  let first: Sandbox;
  before(async () => {
    dataDir = path.join(root, "taken");
    first = await start({ dataDir, ...quiet });
  });
  after(() => first?.stop());

  const sentence = () =>
    `Process ${process.pid} on ${os.hostname()} has a sandbox in the data folder ${dataDir}. Stop that process, or choose another DRAWBRIDGE_DATA_DIR.`;

  test("is refused to a second sandbox in one sentence that names the process, and stays as it was", async () => {
    const asItWas = await picture(dataDir);
    const file = await readFile(path.join(dataDir, "sandbox.json"), "utf8");
    await assert.rejects(start({ dataDir, ...quiet }), { message: sentence() });
    assert.equal(await readFile(path.join(dataDir, "sandbox.json"), "utf8"), file);
    assert.deepEqual(await picture(dataDir), asItWas);
    assert.ok(await isReachable(first.awsEndpoint));
  });

  test("is refused to a demo, which ends with 1 and leaves it as it was", async () => {
    const asItWas = await picture(dataDir);
    const demo = startDemo({ DRAWBRIDGE_DATA_DIR: dataDir });
    assert.equal(await demo.ended, 1);
    assert.equal(demo.said.err.trim(), sentence());
    assert.deepEqual(await picture(dataDir), asItWas);
    assert.ok(await isReachable(first.awsEndpoint));
  });

  test("is free again after the stop, which may be called twice, and after a start that failed", async () => {
    await first.stop();
    await first.stop();
    const broken = () => {
      throw new Error("no line can be written");
    };
    await assert.rejects(start({ dataDir, onlyStandIn: true, log: broken }), /no line can be written/);
    first = await start({ dataDir, ...quiet });
  });
});

describe("a demo that was killed", { concurrency: false }, () => {
  test("listens where DRAWBRIDGE_PORT said, and blocks its folder for a few seconds at most", async () => {
    const [dataDir, port] = [path.join(root, "killed"), await freePort()];
    const demo = startDemo({ DRAWBRIDGE_DATA_DIR: dataDir, DRAWBRIDGE_PORT: String(port) });
    const url = `http://127.0.0.1:${port}`;
    assert.ok(await until(() => demo.said.out.includes(`service    ${url} `), 90), demo.said.out + demo.said.err);
    assert.ok(await isReachable(`${url}/healthz`));
    demo.child.kill("SIGKILL");
    await demo.ended;
    const began = performance.now();
    assert.ok(await until(async () => !(await isReachable(`${url}/healthz`)), 6), "its service is gone as well");
    const next = await start({ dataDir, ...quiet });
    await next.stop();
    assert.ok(performance.now() - began < 20_000);
  });

  test("leaves no service behind that has its hands full, and threads of a service that go on are no reason to end", async () => {
    const busy = `process.on("SIGTERM", () => {}); setInterval(() => {}, 1_000);
      const thread = new URL("data:text/javascript,setTimeout(() => {}, 500)");
      new (require("node:worker_threads").Worker)(thread).once("exit", () => console.log("thread ended"));`;
    const watched = import.meta.resolve("../../sandbox/end-with-parent.ts");
    const service = spawn(process.execPath, ["--import", watched, "--eval", busy], { stdio: ["pipe", "pipe", "inherit"] });
    children.push(service);
    const ended = once(service, "exit");
    const first = (word: string, what: Promise<unknown>) => Promise.race([what.then(() => word), ended.then(() => "it ended")]);
    assert.equal(await first("its thread ended", once(service.stdout, "data")), "its thread ended");
    assert.equal(await first("it is still there", sleep(3_000)), "it is still there");
    service.stdin.destroy();
    assert.equal(await first("it is still there", sleep(8_000)), "it ended");
    assert.equal(service.signalCode, "SIGKILL");
  });
});

describe("a port for the demo", { concurrency: false }, () => {
  const portTaken = (port: number) => `Another process listens on port ${port} of 127.0.0.1. Stop it, or choose another DRAWBRIDGE_PORT.`;
  const refused = async (port: string) => {
    const [dataDir, tmp] = [path.join(root, "never-made"), await mkdtemp(path.join(root, "tmp-"))];
    const withFolder = startDemo({ DRAWBRIDGE_DATA_DIR: dataDir, DRAWBRIDGE_PORT: port }, tmp);
    assert.equal(await withFolder.ended, 1);
    await assert.rejects(stat(dataDir), { code: "ENOENT" });
    const without = startDemo({ DRAWBRIDGE_PORT: port }, tmp);
    assert.equal(await without.ended, 1);
    assert.equal(without.said.err, withFolder.said.err);
    assert.deepEqual(await readdir(tmp), [], "nothing was started, and nothing is left");
    return without.said.err.trim();
  };

  test("that another process has is refused in one sentence before anything is started", async () => {
    const { port, release } = await takePort();
    try {
      assert.equal(await refused(String(port)), portTaken(port));
    } finally {
      await release();
    }
  });

  test("that is none is refused in one sentence", async () => {
    const message = "DRAWBRIDGE_PORT is a port: a whole number from 0 to 65535.";
    assert.equal(await refused("80800"), message);
    for (const port of ["http", "-1", "1.5", " ", "1e3"]) assert.throws(() => readPort(port), { message }, port);
    assert.deepEqual(
      ["8080", "0", "", undefined].map((text) => readPort(text)),
      [8080, 0, 0, 0],
    );
  });

  test("is named too when it is taken while the sandbox starts, and no service stays on it that nobody uses", async () => {
    const { port, release } = await takePort();
    const sandbox = await start({ dataDir: path.join(root, "late"), ...quiet });
    try {
      await assert.rejects(startService(sandbox, { port }), { message: portTaken(port) });
      await release();
      const orphan = await startService(sandbox, { port });
      orphan.process.stdin?.destroy(); // as when its starter is gone; the log's reader stays, or writing a line would end it
      assert.ok(await until(() => orphan.process.exitCode !== null || orphan.process.signalCode !== null, 10));
      const neverReady = startService(sandbox, { port, readyWithin: 1, environment: { PULUMI_CLI_ROOT: "/nowhere" } });
      await assert.rejects(neverReady, /wasn't ready in time/);
      assert.equal(await isReachable(`http://127.0.0.1:${port}/healthz`), false);
    } finally {
      await sandbox.stop();
    }
  });
});
