import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { appendFile, chmod, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import test, { after, before } from "node:test";
import { createEngine } from "../../../src/engine/create-engine.ts";
import { pinChecks } from "../../../src/engine/installed/pins.ts";
import { pluginPath } from "../../../src/engine/installed/plugin.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const program = "#!/bin/sh\necho v3.258.0\n";
const right = sha256(program);

let folder: string;
let cli: string;
let plugin: string;
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-pins-"));
  cli = path.join(folder, "cli", "bin", "pulumi");
  plugin = pluginPath(path.join(folder, "home"));
});
after(() => rm(folder, { recursive: true, force: true }));

async function put(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  await chmod(file, 0o755);
}

test("a program that is written, replaced or relinked after its check is found, even with its old size and times", async () => {
  const check = pinChecks();
  const [file, other, link] = ["one", "other", "link"].map((name) => path.join(folder, name)) as [string, string, string];
  await put(file, program);
  await symlink(file, link);
  await check("It", link, right);
  const at = new Date("2026-01-01T00:00:00Z");
  await utimes(file, at, at);
  await check("It", link, right);
  await writeFile(file, program.replace("echo", "ECHO"));
  await utimes(file, at, at);
  await assert.rejects(check("It", link, right), /program_not_pinned: It isn't the pinned one: its SHA-256 is [0-9a-f]{64}/);
  await put(other, `${program}#`);
  await put(file, program);
  await check("It", link, right);
  await rm(link);
  await symlink(other, link);
  await assert.rejects(check("It", link, right), /program_not_pinned/);
  await rm(other);
  await assert.rejects(check("It", link, right), /not_ready/);
});

const place = () => ({
  cliRoot: path.join(folder, "cli"),
  pulumiHome: path.join(folder, "home"),
  dataDir: path.join(folder, "data"),
  secrets: { provider: "passphrase", passphrase: "only for this test" } as const,
  runners: 1,
  recycleAfter: 50,
  registry: "none",
});

async function codes(more: object): Promise<unknown[]> {
  const engine = createEngine({ ...place(), stateUrl: "s3://state", ...more });
  try {
    const { cli: one, plugin: two } = await engine.check();
    return [one, two].map((found) => ("code" in found ? found.code : "fine"));
  } finally {
    await engine.close();
  }
}

test("outside loopback only pinned programs run; on loopback a configured pin is checked too", async () => {
  await put(cli, program);
  await put(plugin, program);
  const loopback = { stateUrl: "s3://state?endpoint=http://127.0.0.1:1", awsEndpoint: "http://127.0.0.1:1" };
  const refused = "program_not_pinned";
  assert.deepEqual(await codes({}), [refused, refused]);
  assert.deepEqual(await codes({ pins: { cli: right } }), ["fine", refused]);
  assert.deepEqual(await codes({ pins: { cli: right, plugin: sha256("another") } }), ["fine", refused]);
  assert.deepEqual(await codes({ pins: { cli: right, plugin: right } }), ["fine", "fine"]);
  assert.deepEqual(await codes(loopback), ["fine", "fine"]);
  assert.deepEqual(await codes({ ...loopback, pins: { cli: sha256("another") } }), [refused, "fine"]);
});

test("an update doesn't begin after a program was replaced", async () => {
  await put(cli, program);
  await put(plugin, program);
  const engine = createEngine({ ...place(), stateUrl: "s3://state", pins: { cli: right, plugin: right } });
  const { cli: before } = await engine.check();
  assert.ok("version" in before);
  await appendFile(cli, "# one line more\n");
  const credentials = { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "example" };
  const address = { kind: "role", project: "drawbridge", stack: "role.x-0a1b2c3d", backendUrl: "s3://state/tenants/acme" } as const;
  const request = { address, state: { credentials }, operationId: "op-1", epoch: 1, deadlineSeconds: 5 };
  await assert.rejects(
    engine.update(request as never, () => {}),
    /program_not_pinned: The Pulumi CLI/,
  );
  await engine.close();
});
