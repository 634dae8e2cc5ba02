import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { connect } from "node:net";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { GetBucketPolicyCommand, GetObjectCommand, HeadBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { accountIds, platformThings, sandboxRegion, tenantThings, vendorPrincipals } from "../../sandbox/accounts.ts";
import { type Sandbox, startSandbox } from "../../sandbox/sandbox.ts";
import { readSandboxFile, writeSandboxFile } from "../../sandbox/sandbox-file.ts";
import { asOutsider, assumeAs, asTenantAdmin, asVendor } from "../../sandbox/vendor.ts";
import type { Credentials } from "../../src/engine/engine.ts";

let dataDir: string;
let sandbox: Sandbox;

before(async () => {
  dataDir = await mkdtemp(path.join(os.tmpdir(), "drawbridge-sandbox-"));
  sandbox = await startSandbox({ dataDir, log: () => undefined, onlyStandIn: true });
});

after(async () => {
  await sandbox?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const isOpen = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1000 });
    const answer = (open: boolean) => () => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", answer(true)).once("error", answer(false)).once("timeout", answer(false));
  });

/** Addresses and ports on which a process listens, from Linux's socket tables. */
async function listeners(pid: number): Promise<string[]> {
  const descriptors = await readdir(`/proc/${pid}/fd`);
  const links = await Promise.all(descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
  const inodes = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  const found: string[] = [];
  for (const table of ["tcp", "tcp6"]) {
    const lines = (await readFile(`/proc/${pid}/net/${table}`, "utf8").catch(() => "")).split("\n").slice(1);
    for (const line of lines) {
      const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
      if (state === "0A" && inodes.has(inode)) found.push(local);
    }
  }
  return found;
}

describe("a running sandbox", () => {
  test("only loopback is open", { skip: process.platform !== "linux" }, async () => {
    const port = Number(new URL(sandbox.awsEndpoint).port).toString(16).toUpperCase().padStart(4, "0");
    assert.deepEqual(await listeners(sandbox.emulatorPid), [`0100007F:${port}`]);
    for (const address of Object.values(os.networkInterfaces()).flatMap((list) => list ?? [])) {
      if (address.internal || address.family !== "IPv4") continue;
      assert.equal(await isOpen(address.address, Number(new URL(sandbox.awsEndpoint).port)), false, address.address);
    }
  });

  test("sandbox.json is its owner's alone, has every account, and takes the service's address later", async () => {
    assert.equal((await stat(path.join(dataDir, "sandbox.json"))).mode & 0o777, 0o600);
    const file = await readSandboxFile(dataDir);
    assert.deepEqual(Object.keys(file), ["serviceUrl", "token", "awsEndpoint", "stateUrl", "accounts"]);
    assert.deepEqual(Object.keys(file.accounts).sort(), Object.keys(accountIds).sort());
    await writeSandboxFile(dataDir, { serviceUrl: "http://127.0.0.1:1", token: "t" });
    const after = await readSandboxFile(dataDir);
    assert.deepEqual({ ...after, serviceUrl: "", token: "" }, file);
    assert.equal(after.token, "t");
    assert.equal((await stat(path.join(dataDir, "sandbox.json"))).mode & 0o777, 0o600);
  });

  test("the stand-in is installed with its marker, in a PULUMI_HOME of the data folder", async () => {
    const folder = path.join(dataDir, "pulumi-home", "plugins", `resource-aws-v${sandbox.plugin.version}`);
    assert.deepEqual(JSON.parse(await readFile(path.join(folder, "stand-in.json"), "utf8")), {
      plugin: "stand-in",
      version: sandbox.plugin.version,
    });
    await access(path.join(folder, "pulumi-resource-aws"));
    assert.equal(sandbox.environment["PULUMI_HOME"], path.join(dataDir, "pulumi-home"));
  });
});

describe("being somebody in the sandbox", () => {
  const whoIs = async (credentials: Credentials) => {
    const sts = new STSClient({ endpoint: sandbox.awsEndpoint, region: sandboxRegion, credentials });
    return (await sts.send(new GetCallerIdentityCommand({}))).Arn;
  };
  const s3As = (credentials: Credentials) =>
    new S3Client({ endpoint: sandbox.awsEndpoint, region: sandboxRegion, credentials, forcePathStyle: true });

  test("each vendor is itself", async () => {
    for (const vendor of Object.keys(vendorPrincipals) as (keyof typeof vendorPrincipals)[]) {
      const { principalArn, assumeFirst } = sandbox.accounts[vendor];
      const session =
        assumeFirst && `${assumeFirst.roleArn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/")}/${assumeFirst.sessionName}`;
      assert.equal(await whoIs(await asVendor(sandbox, vendor)), session ?? principalArn, vendor);
    }
    assert.equal(sandbox.accounts.conductorone.principalArn, "arn:aws:iam::765656841499:role/ConductorOneS3DatasourceService");
    assert.equal(sandbox.accounts.infosum.principalArn, "arn:aws:sts::134928160093:assumed-role/InfoSumImportConnector/drawbridge-sandbox");
    assert.equal(sandbox.accounts["creative-force"].principalArn, "arn:aws:iam::092392787187:user/CreativeForceCloudS3");
  });

  test("the provisioning role opens for the service with the right external id and for nobody else", async () => {
    const role = { roleArn: sandbox.accounts.tenant.provisioningRoleArn ?? "", sessionName: "try" };
    const denied = { name: "AccessDenied" };
    await assert.rejects(assumeAs(sandbox, sandbox.accounts.platform, { ...role, externalId: "right" }), denied);
    await sandbox.trustProvisioner("right");
    await assumeAs(sandbox, sandbox.accounts.platform, { ...role, externalId: "right" });
    await assert.rejects(assumeAs(sandbox, sandbox.accounts.platform, role), denied);
    await assert.rejects(assumeAs(sandbox, sandbox.accounts.platform, { ...role, externalId: "wrong" }), denied);
    await assert.rejects(assumeAs(sandbox, asOutsider(sandbox), { ...role, externalId: "right" }), denied);
  });

  test("the service sees its state bucket and nothing of the tenant's", async () => {
    const s3 = s3As(sandbox.accounts.platform);
    await s3.send(new HeadBucketCommand({ Bucket: platformThings.stateBucket }));
    const bucket = tenantThings.plainBucket(accountIds.tenant);
    await assert.rejects(s3.send(new GetObjectCommand({ Bucket: bucket, Key: tenantThings.sampleObject })), { name: "AccessDenied" });
  });

  test("the tenant has its object and a bucket policy of somebody else's", async () => {
    const s3 = s3As(asTenantAdmin(sandbox));
    const object = await s3.send(
      new GetObjectCommand({ Bucket: tenantThings.plainBucket(accountIds.tenant), Key: tenantThings.sampleObject }),
    );
    assert.equal(await object.Body?.transformToString(), "hello\n");
    const { Policy } = await s3.send(new GetBucketPolicyCommand({ Bucket: tenantThings.sharedBucket(accountIds.tenant) }));
    assert.deepEqual(
      (JSON.parse(Policy ?? "") as { Statement: { Sid: string }[] }).Statement.map(({ Sid }) => Sid),
      ["OwnerReads", "NoPlainDeletes"],
    );
  });
});

describe("the end of a sandbox", () => {
  const startElsewhere = async (folder: string) => {
    const code = `import { startEmulator } from ${JSON.stringify(path.join(import.meta.dirname, "../../sandbox/ministack.ts"))};
      const emulator = await startEmulator({ dataDir: ${JSON.stringify(folder)}, log: () => undefined });
      console.log(JSON.stringify(emulator));`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", code], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(createInterface(child.stdout), "line")) as [string];
    return { child, ...(JSON.parse(line) as { pid: number; endpoint: string }) };
  };

  const untilDead = async (pid: number) => {
    for (let tries = 0; tries < 100 && isAlive(pid); tries++) await sleep(100);
    return !isAlive(pid);
  };

  test("stop leaves no process and no listener, and may be called twice", async () => {
    await sandbox.stop();
    await sandbox.stop();
    assert.equal(isAlive(sandbox.emulatorPid), false);
    assert.equal(await isOpen("127.0.0.1", Number(new URL(sandbox.awsEndpoint).port)), false);
  });

  test("the emulator ends with its starter, even when that one is killed", async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-killed-"));
    const { child, pid, endpoint } = await startElsewhere(folder);
    assert.equal(await isOpen("127.0.0.1", Number(new URL(endpoint).port)), true);
    child.kill("SIGKILL");
    assert.equal(await untilDead(pid), true);
    assert.equal(await isOpen("127.0.0.1", Number(new URL(endpoint).port)), false);
    await rm(folder, { recursive: true, force: true });
  });
});
