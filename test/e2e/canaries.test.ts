/**
 * After a life of one integration, with a failure, a freeze and a crash in it: tokens, keys, AWS keys and sessions, and the passphrase
 * stand nowhere, and external ids nowhere but in state, our own rows and the hand-off. And the freeze stops what runs.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { GetRoleCommand } from "@aws-sdk/client-iam";
import { GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { platformThings, sandboxRegion, tenantThings } from "../../sandbox/accounts.ts";
import { createApi } from "../../sandbox/api.ts";
import { type AuditRow, follow } from "../../src/model/audit-entry.ts";
import type { Operation } from "../../src/model/operation.ts";
import { type FaultProxy, startProxy, type Watch } from "../faults/proxy.ts";
import { startWorld, type World } from "../support/world.ts";

const externalId = "c1-canary-7d1f6a93b2e84c05a1f2";
const route = "/v1/tenants/acme/integrations/c1";

/** All files below a folder, but for what the sandbox itself keeps beside the service's data. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}

describe("secrets after a whole life of an integration", { concurrency: false }, () => {
  let world: World;
  let temporary: string;
  let secrets: Record<string, string>;
  let log = "";
  let proxy: FaultProxy;
  /** Of every session that anything here used with AWS: the service, its updates' plugins */
  const sessions = new Map<string, string>();
  const events: string[] = [];
  const audit: AuditRow[] = [];

  const start = () => world.restart({ environment: { DRAWBRIDGE_LOG_LEVEL: "debug", TMPDIR: temporary } }).then(hear);
  const hear = () => {
    log += world.service.tail();
    const keep = (chunk: Buffer) => {
      log += chunk.toString();
    };
    world.service.process.stdout?.on("data", keep);
    world.service.process.stderr?.on("data", keep);
  };

  /** What a request's signature tells of the session behind it, and what AWS answers when it gives one out. */
  const noteSession: Watch = async ({ headers }) => {
    const id = /Credential=(A(?:SIA|KIA)[A-Z0-9]+)/.exec(headers.authorization ?? "")?.[1];
    const token = headers["x-amz-security-token"];
    if (id) sessions.set(id, "access key id of a session");
    if (typeof token === "string") sessions.set(token, "session token");
    return ({ body }) => {
      for (const [, secret = ""] of body.toString().matchAll(/<SecretAccessKey>([^<]+)</g)) sessions.set(secret, "secret key of a session");
    };
  };

  before(async () => {
    world = await startWorld({ environment: { DRAWBRIDGE_LOG_LEVEL: "debug" } }, async (sandbox) => {
      proxy = await startProxy(sandbox.awsEndpoint, noteSession);
      return proxy;
    });
    temporary = path.join(world.sandbox.dataDir, "temporary");
    await mkdir(temporary);
    await start();
    await world.tenant("acme");
    const made = await world.api.call<{ key: string }>("POST", "/v1/keys", {
      body: { subject: "ci", tenants: ["acme"], scopes: ["read", "write", "destroy"] },
    });
    assert.equal(made.status, 201);
    const { environment } = world.sandbox;
    secrets = {
      "admin token": world.service.token,
      "API key": made.body.key,
      "AWS secret key": environment["AWS_SECRET_ACCESS_KEY"] ?? "",
      passphrase: environment["DRAWBRIDGE_SECRETS_PASSPHRASE"] ?? "",
    };
    for (const [name, secret] of Object.entries(secrets)) assert.ok(secret.length > 15, name);
    world.api = createApi({ url: world.service.url, token: made.body.key });
  });
  after(() => world?.stop());

  const body = () => ({
    blueprint: "conductorone-s3",
    parameters: { bucket: tenantThings.plainBucket(world.sandbox.accounts.tenant.accountId), externalId },
  });
  const admin = () => createApi({ url: world.service.url, token: world.service.token });

  test("it goes up, fails on a bucket that isn't there, and its vendor is revoked", async () => {
    const up = await world.put("acme", "c1", body());
    assert.equal(up.operation.state, "succeeded", JSON.stringify(up.operation.error));
    const failed = await world.put("acme", "c2", { blueprint: "conductorone-s3", parameters: { bucket: "no-such-bucket-anywhere" } });
    assert.equal(failed.operation.state, "failed");
    const revoked = await admin().call<{ operation: Operation }>("POST", "/v1/vendors/conductorone/revoke");
    assert.equal(revoked.status, 202);
    assert.equal((await admin().finished(revoked.body.operation.id)).state, "succeeded");
  });

  test("a freeze stops the running operation within 5 s, says so everywhere, and what was stopped goes on afterwards", async () => {
    const accepted = await world.api.call<{ operation: Operation }>("DELETE", route);
    assert.equal(accepted.status, 202);
    const { id } = accepted.body.operation;
    const stateOf = async () => (await world.api.call<Operation>("GET", `/v1/operations/${id}`)).body.state;
    for (let look = 0; look < 200 && (await stateOf()) === "queued"; look++) await new Promise((resolve) => setTimeout(resolve, 20));
    const frozen = await admin().call("POST", "/v1/freeze", { body: { reason: "an incident" } });
    assert.equal(frozen.status, 200);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    assert.equal(await stateOf(), "queued");
    const writes = () => proxy.calls.filter((call) => call.writes && call.service !== "sts").length;
    const written = writes();
    const rows = await admin().call<{ items: { at: string; action: string }[] }>("GET", "/v1/audit?limit=1");
    const role = () =>
      world
        .aws()
        .iam.send(new GetRoleCommand({ RoleName: "ConductorOneIntegration" }))
        .then(
          ({ Role }) => JSON.stringify(Role),
          (error: Error) => error.name,
        );
    const before = await role();
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    assert.equal(await role(), before);
    assert.equal(writes(), written, "a write reached AWS more than 5 s after the freeze");
    assert.equal(await stateOf(), "queued");
    assert.ok(rows.body.items.length > 0);
    const answer = await world.api.call("GET", "/v1/tenants");
    assert.equal(answer.headers.get("drawbridge-frozen"), "true");
    const ready = await world.api.call<{ ready: boolean; checks: { name: string }[] }>("GET", "/readyz");
    assert.ok(ready.body.ready && ready.body.checks.some(({ name }) => name === "freeze"));
    assert.equal((await admin().call("DELETE", "/v1/freeze")).status, 204);
    const ended = await world.api.finished(id);
    assert.equal(ended.state, "succeeded", JSON.stringify(ended.error));
    assert.ok(writes() > written, "the proxy sees writes");
    assert.equal((await world.api.call("GET", "/v1/tenants")).headers.get("drawbridge-frozen"), null);
  });

  test("the service is killed in the middle of an update, and its next life ends the update", async () => {
    const { token } = world.service;
    const accepted = await world.api.call<{ operation: Operation }>("PUT", route.replace("c1", "c3"), { body: body() });
    assert.equal(accepted.status, 202, JSON.stringify(accepted.body));
    const begun = proxy.calls.length;
    const isBegun = () => proxy.calls.slice(begun).some(({ name }) => name === "CreateRole");
    for (let look = 0; look < 1_500 && !isBegun(); look++) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(isBegun(), "the update makes a role");
    const died = once(world.service.process, "exit");
    world.service.process.kill("SIGKILL");
    await died;
    await start();
    secrets["admin token of the first life"] = token;
    secrets["admin token"] = world.service.token;
    const ended = await admin().finished(accepted.body.operation.id);
    assert.equal(ended.state, "succeeded", JSON.stringify(ended.error));
    world.api = createApi({ url: world.service.url, token: secrets["API key"] ?? "" });
  });

  test("the audit has every mutation, operation and direct write, and its chain is whole", async () => {
    const lines = await fetch(`${world.service.url}/v1/audit/export`, { headers: { authorization: `Bearer ${world.service.token}` } });
    audit.push(
      ...(await lines.text())
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as AuditRow),
    );
    assert.ok("head" in follow(audit));
    const actions = new Set(audit.map(({ entry }) => entry.action));
    for (const action of [
      "POST /v1/keys",
      "PUT /v1/tenants/{tenant}/integrations/{name}",
      "operation:up",
      "operation:destroy",
      "iam:UpdateAssumeRolePolicy",
      "POST /v1/freeze",
    ]) {
      assert.ok(actions.has(action), `${action} of ${[...actions].join(", ")}`);
    }
    const write = audit.find(({ entry }) => entry.action === "iam:UpdateAssumeRolePolicy" && entry.phase === "outcome");
    assert.ok(write?.entry.awsRequestId);
    assert.equal(write.entry.tenant, "acme");
  });

  test("no secret is in log, events, answers, audit, state or any file", async () => {
    const operations = await admin().call<{ items: Operation[] }>("GET", "/v1/operations?limit=200");
    for (const { id } of operations.body.items)
      events.push(JSON.stringify((await admin().call("GET", `/v1/operations/${id}/events`)).body));
    events.push(JSON.stringify(operations.body));
    const { environment, awsEndpoint, dataDir, pulumiHome } = world.sandbox;
    const credentials = {
      accessKeyId: environment["AWS_ACCESS_KEY_ID"] ?? "",
      secretAccessKey: environment["AWS_SECRET_ACCESS_KEY"] ?? "",
    };
    const s3 = new S3Client({ endpoint: awsEndpoint, region: sandboxRegion, credentials, forcePathStyle: true });
    const objects = (await s3.send(new ListObjectsV2Command({ Bucket: platformThings.stateBucket }))).Contents ?? [];
    const state: Record<string, string> = {};
    for (const { Key = "" } of objects) {
      const object = await s3.send(new GetObjectCommand({ Bucket: platformThings.stateBucket, Key }));
      state[`state ${Key}`] = (await object.Body?.transformToString("latin1")) ?? "";
    }
    assert.ok(Object.keys(state).length > 0);
    await world.service.stop();
    const files: Record<string, string> = {};
    for (const folder of [path.join(dataDir, "store"), path.join(dataDir, "work"), temporary, path.join(pulumiHome, "workspaces")]) {
      for (const file of await filesBelow(folder).catch(() => [])) files[file] = await readFile(file, "latin1");
    }
    assert.equal(await readFile(path.join(pulumiHome, "logs"), "utf8"), "", "the CLI keeps no logs");
    assert.ok(Object.keys(files).length > 0);
    const texts: Record<string, string> = { log, events: events.join("\n"), audit: JSON.stringify(audit) };
    const found = new Set(sessions.values());
    assert.deepEqual([...found].toSorted(), ["access key id of a session", "secret key of a session", "session token"]);
    assert.ok(log.length > 1_000 && texts["events"]?.includes("step-done"));
    for (const [place, text] of Object.entries({ ...texts, ...state, ...files })) {
      for (const [name, secret] of Object.entries(secrets)) assert.ok(!text.includes(secret), `the ${name} is in ${place}`);
      for (const [secret, what] of sessions) assert.ok(!text.includes(secret), `a ${what} is in ${place}`);
      const mayHoldIds = place.startsWith("state ") || place.startsWith(path.join(dataDir, "store"));
      if (!mayHoldIds) assert.ok(!text.includes(externalId), `an external id is in ${place}`);
    }
    // The search itself works: our own rows do hold the id.
    assert.ok(Object.entries(files).some(([place, text]) => place.startsWith(path.join(dataDir, "store")) && text.includes(externalId)));
  });
});
