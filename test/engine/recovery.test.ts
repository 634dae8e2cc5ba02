import assert from "node:assert/strict";
import { hostname } from "node:os";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateRoleCommand, GetRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { createEngine } from "../../src/engine/create-engine.ts";
import { problemOf } from "../../src/problem.ts";
import { isMarkerAlive } from "../../src/processes.ts";
import type { RoleInputs, StackSpec } from "../../stacks/stack.ts";
import { type Running, startRunning } from "./running-engine.ts";

let running: Running;
let iam: IAMClient;
before(async () => {
  running = await startRunning();
  iam = new IAMClient({ endpoint: running.sandbox.awsEndpoint, region: "us-east-1", credentials: running.sandbox.accounts.tenant });
});
after(() => running.stop());

const inputs: RoleInputs = {
  name: "Interrupted",
  description: "Made by a run that died",
  trust: { Version: "2012-10-17", Statement: [{ Effect: "Deny", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }] },
  inlinePolicies: [
    {
      name: "Read",
      document: { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::data/*" }] },
    },
  ],
  managedPolicyArns: [],
  tags: {},
};
const spec: StackSpec = { kind: "role", key: "interrupted", inputs };
const live = async (RoleName: string) => (await iam.send(new GetRoleCommand({ RoleName }))).Role;

/** An engine on the same sandbox. Its plugin hangs before or after AWS makes a resource of that type. */
const hangingEngine = (moment: "before" | "after", type = "aws:iam/role:Role") =>
  createEngine({
    cliRoot: running.sandbox.cli.root,
    pulumiHome: running.sandbox.pulumiHome,
    dataDir: `${running.sandbox.dataDir}/hanging`,
    stateUrl: running.sandbox.stateUrl,
    awsEndpoint: running.sandbox.awsEndpoint,
    secrets: { provider: "passphrase", passphrase: "for tests" },
    runners: 1,
    recycleAfter: 50,
    graceMs: 500,
    extraEnvironment: { DRAWBRIDGE_STAND_IN_FAIL: `${type}:create:hang-${moment}` },
  });

test("a run that is killed after AWS made the role leaves state unchanged, no process and no lock", async (t) => {
  const engine = hangingEngine("after");
  t.after(() => engine.close());
  const request = running.request(spec);
  const abort = new AbortController();
  const update = engine.update(request, () => {}, abort.signal).catch(problemOf);
  while (!(await live("Interrupted").catch(() => undefined))) await sleep(100);
  abort.abort();
  const problem = await update;
  assert.equal("code" in problem && problem.code, "operation_interrupted");
  assert.equal(await isMarkerAlive({ operation: `${request.operationId}-1` }), false);
  const state = await running.engine.readState(request.address, running.state);
  assert.deepEqual(state, { resources: [], pendingOperations: [] });
});

test("the next run takes the found role in, and completes the same role", async () => {
  const { address } = running.request(spec);
  const roleId = (await live("Interrupted"))?.RoleId;
  const { outputs } = await running.run(spec, { adopt: { role: "Interrupted" } });
  assert.equal(outputs["roleId"], roleId);
  assert.deepEqual((await running.engine.readState(address, running.state))?.pendingOperations, []);
  assert.deepEqual((await running.run(spec)).changes, { same: 4 });
  await running.run(spec, { action: "destroy" });
});

test("a key's create is written into state before it is sent, and is dropped if AWS has no such key", async (t) => {
  const { accountId } = running.sandbox.accounts.tenant;
  const Principal = { AWS: `arn:aws:iam::${accountId}:root` };
  const policy = {
    Version: "2012-10-17",
    Statement: [{ Sid: "Delegation", Effect: "Allow", Principal, Action: "kms:*", Resource: "*" }],
  } as const;
  const key = {
    description: "Never made at first",
    alias: "alias/drawbridge/never",
    policy: { ...policy, Statement: [...policy.Statement] },
    tags: {},
  };
  const never: StackSpec = { kind: "kms-key", key: "never", inputs: key };
  const engine = hangingEngine("before", "aws:kms/key:Key");
  t.after(() => engine.close());
  const request = running.request(never, { deadlineSeconds: 4 });
  const problem = await engine.update(request, () => {}).catch(problemOf);
  assert.equal("code" in problem && problem.code, "operation_timeout");
  const { pendingOperations = [] } = (await running.engine.readState(request.address, running.state)) ?? {};
  assert.deepEqual(
    pendingOperations.map(({ name, operation }) => [name, operation]),
    [["key", "creating"]],
  );
  const { outputs } = await running.run(never);
  assert.deepEqual((await running.engine.readState(request.address, running.state))?.pendingOperations, []);
  assert.match(String(outputs["keyArn"]), /^arn:aws:kms:/);
});

test("a role with this name that somebody else made is role_name_taken, and stays", async () => {
  const theirs: StackSpec = { kind: "role", key: "theirs", inputs: { ...inputs, name: "Theirs" } };
  await iam.send(new CreateRoleCommand({ RoleName: "Theirs", AssumeRolePolicyDocument: JSON.stringify(inputs.trust) }));
  assert.equal(problemOf(await running.run(theirs).catch((error: unknown) => error)).code, "role_name_taken");
  await running.run(theirs, { action: "destroy" });
  assert.ok(await live("Theirs"));
});

async function putLock(key: string, host: string, pid: number): Promise<StackSpec> {
  const locked: StackSpec = { kind: "role", key, inputs: { ...inputs, name: key } };
  const { address } = running.request(locked);
  const s3 = new S3Client({ endpoint: running.sandbox.awsEndpoint, region: "us-east-1", forcePathStyle: true, credentials: running.state });
  await s3.send(
    new PutObjectCommand({
      Bucket: "drawbridge-state",
      Key: `tenants/acme/.pulumi/locks/organization/drawbridge/${address.stack}/0a1b.json`,
      Body: JSON.stringify({ pid, username: "u", hostname: host, timestamp: new Date().toISOString() }),
    }),
  );
  return locked;
}

test("a lock whose process on this host is gone doesn't stop the next run", async () => {
  const locked = await putLock("dead-lock", hostname(), 4_000_000);
  assert.deepEqual((await running.run(locked)).changes, { create: 4 });
});

test("a lock of a live process, or of another host, does stop it", async () => {
  for (const [key, host, pid] of [
    ["live-lock", hostname(), process.pid],
    ["far-lock", "another-host", 4_000_000],
  ] as const) {
    const locked = await putLock(key, host, pid);
    assert.equal(problemOf(await running.run(locked).catch((error: unknown) => error)).code, "stack_locked");
  }
});
