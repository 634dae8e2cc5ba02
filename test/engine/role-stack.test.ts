import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import {
  AttachRolePolicyCommand,
  GetRoleCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  PutRolePolicyCommand,
} from "@aws-sdk/client-iam";
import { ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import type { CliSpan } from "../../src/engine/engine.ts";
import { openState } from "../../src/engine/state/state-backend.ts";
import type { PolicyDocument } from "../../src/iam/words/policy-document.ts";
import { problemOf } from "../../src/problem.ts";
import { stackAddress } from "../../stacks/name.ts";
import type { RoleInputs, StackSpec } from "../../stacks/stack.ts";
import { type Running, startRunning } from "./running-engine.ts";

let running: Running;
/** The CLI's spans, by operation */
const spans = new Map<string, CliSpan[]>();
let iam: IAMClient;
let address: ReturnType<typeof stackAddress>;

before(async () => {
  running = await startRunning({ onSpans: (operation, told) => void spans.set(operation, told) });
  iam = new IAMClient({ endpoint: running.sandbox.awsEndpoint, region: "us-east-1", credentials: running.sandbox.accounts.tenant });
  address = stackAddress(running.sandbox.stateUrl, "acme", "role", "files");
});
after(() => running.stop());

const statement = { Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::data/*" } as const;
const anything: PolicyDocument = { Version: "2012-10-17", Statement: [statement] };
const inputs: RoleInputs = {
  name: "VendorFiles",
  description: "Lets the vendor read files",
  trust: {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { AWS: "arn:aws:iam::765656841499:role/ConductorOneS3DatasourceService" },
        Action: "sts:AssumeRole",
        Condition: { StringEquals: { "sts:ExternalId": "an-external-id" } },
      },
    ],
  },
  inlinePolicies: [{ name: "ReadFiles", document: anything }],
  managedPolicyArns: [],
  tags: { "drawbridge:tenant": "acme" },
};
const role = (changes: Partial<RoleInputs> = {}): StackSpec => ({ kind: "role", key: "files", inputs: { ...inputs, ...changes } });
const liveRole = async () => (await iam.send(new GetRoleCommand({ RoleName: "VendorFiles" }))).Role;
const inlineNames = async () => (await iam.send(new ListRolePoliciesCommand({ RoleName: "VendorFiles" }))).PolicyNames;
const attachedArns = async () =>
  (await iam.send(new ListAttachedRolePoliciesCommand({ RoleName: "VendorFiles" }))).AttachedPolicies?.map(({ PolicyArn }) => PolicyArn);

test("a preview reports what it would make, without values that aren't known yet, and makes nothing", async () => {
  const { outputs, changes, told } = await running.run(role(), { action: "preview" });
  assert.deepEqual(changes, { create: 4 });
  assert.deepEqual(outputs, { roleName: "VendorFiles" });
  assert.ok(told.every(({ op, phase }) => op === "create" && phase === "planned"));
  await assert.rejects(liveRole, { name: "NoSuchEntityException" });
});

let roleId: string;
test("an update makes the role with its policy, without a boundary and with sessions of one hour", async () => {
  const { outputs, changes, told } = await running.run(role());
  const live = await liveRole();
  assert.deepEqual(changes, { create: 4 });
  assert.equal(outputs["roleArn"], live?.Arn);
  assert.equal(outputs["roleId"], live?.RoleId);
  assert.equal(live?.MaxSessionDuration, 3600);
  assert.deepEqual(await inlineNames(), ["ReadFiles"]);
  assert.ok(told.some(({ type, phase }) => type === "aws:iam/role:Role" && phase === "done"));
  roleId = String(live?.RoleId);
});

test("the CLI's spans show where an update's time goes, with names and nested times", () => {
  const told = spans.get("op2") ?? [];
  const named = (name: string) => told.filter((span) => span.name === name);
  for (const name of ["cli", "engine", "program", "plugin start", "plugin Configure", "state PUT", "state GET"])
    assert.ok(named(name).length > 0, name);
  assert.equal(named("plugin Create").length, 4);
  const [whole] = told.filter(({ parent }) => parent === undefined);
  assert.equal(whole?.name, "cli");
  for (const { parent, from, to } of told) {
    const around = told.find(({ id }) => id === parent) ?? whole;
    assert.ok(around && BigInt(around.from) <= BigInt(from) && BigInt(from) <= BigInt(to));
  }
  assert.doesNotMatch(JSON.stringify(told), /an-external-id|VendorFiles|\//);
});

test("the same update again changes nothing", async () => {
  const { changes, told } = await running.run(role());
  assert.deepEqual(changes, { same: 4 });
  assert.deepEqual(told, []);
});

test("a changed trust is an update in place that names what differs", async () => {
  const trust = structuredClone(inputs.trust);
  Object.assign(trust.Statement[0] ?? {}, { Condition: { StringEquals: { "sts:ExternalId": "another-id" } } });
  const { changes, told } = await running.run(role({ trust }));
  assert.deepEqual(changes, { update: 1, same: 3 });
  assert.deepEqual(told[0]?.differs, ["assumeRolePolicy"]);
  const live = await liveRole();
  assert.equal(live?.RoleId, roleId);
  assert.match(decodeURIComponent(String(live?.AssumeRolePolicyDocument)), /another-id/);
  await running.run(role());
});

test("an update that refreshes finds and removes policies that somebody added", async () => {
  const RoleName = "VendorFiles";
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "Added", PolicyDocument: JSON.stringify(anything) }));
  await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: "arn:aws:iam::aws:policy/ReadOnlyAccess" }));
  await running.run(role(), { refresh: true });
  assert.deepEqual(await inlineNames(), ["ReadFiles"]);
  assert.deepEqual(await attachedArns(), []);
});

test("a managed policy and a boundary are added and removed in place", async () => {
  const managedPolicyArns = ["arn:aws:iam::aws:policy/ReadOnlyAccess"];
  await running.run(role({ managedPolicyArns, permissionsBoundaryArn: "arn:aws:iam::aws:policy/ReadOnlyAccess" }));
  assert.deepEqual(await attachedArns(), managedPolicyArns);
  assert.equal((await liveRole())?.PermissionsBoundary?.PermissionsBoundaryArn, managedPolicyArns[0]);
  await running.run(role());
  assert.deepEqual(await attachedArns(), []);
  assert.equal((await liveRole())?.PermissionsBoundary, undefined);
  assert.equal((await liveRole())?.RoleId, roleId);
});

test("a change that would replace the role is refused before anything happens", async () => {
  for (const action of ["preview", "up"] as const) {
    const problem = problemOf(await running.run(role({ name: "OtherName" }), { action }).catch((error: unknown) => error));
    assert.equal(problem.code, "role_replacement_refused");
  }
  assert.equal((await liveRole())?.RoleId, roleId);
  assert.deepEqual(await inlineNames(), ["ReadFiles"]);
});

test("credentials of another account are refused by the account check", async () => {
  const { accountId, region } = running.sandbox.accounts.tenant;
  const problem = problemOf(
    await running
      .run(role(), { target: { accountId, region, credentials: running.sandbox.accounts.neighbour } })
      .catch((error: unknown) => error),
  );
  assert.equal(problem.code, "account_mismatch");
});

test("the plain CLI can export the stack, and the export has no pending operation and no credential", async () => {
  const { sandbox } = running;
  const { platform, tenant } = sandbox.accounts;
  const work = path.join(sandbox.dataDir, "export");
  const { stdout } = await promisify(execFile)(
    path.join(sandbox.cli.root, "bin", "pulumi"),
    ["stack", "export", "--stack", `organization/drawbridge/${address.stack}`],
    {
      env: {
        PATH: process.env["PATH"],
        HOME: work,
        PULUMI_HOME: work,
        PULUMI_BACKEND_URL: address.backendUrl,
        PULUMI_CONFIG_PASSPHRASE: "for tests",
        PULUMI_SKIP_UPDATE_CHECK: "true",
        AWS_ACCESS_KEY_ID: platform.accessKeyId,
        AWS_SECRET_ACCESS_KEY: platform.secretAccessKey,
      },
      cwd: sandbox.dataDir,
    },
  );
  const { deployment } = JSON.parse(stdout);
  assert.equal(deployment.resources.length, 6);
  assert.equal(deployment.pending_operations, undefined);
  for (const secret of [platform.accessKeyId, platform.secretAccessKey, tenant.accessKeyId, tenant.secretAccessKey, "for tests"])
    assert.ok(!stdout.includes(secret));
});

test("the state is read without a CLI", async () => {
  const state = openState(address, running.state);
  const checkpoint = await state.readCheckpoint();
  assert.equal(await state.hasState(), true);
  assert.equal(await state.createStack(), false);
  assert.deepEqual(await state.listLocks(), []);
  assert.deepEqual(checkpoint?.pendingOperations, []);
  assert.equal(checkpoint?.resources.find(({ type }) => type === "aws:iam/role:Role")?.id, "VendorFiles");
  assert.equal(checkpoint?.secrets?.type, "passphrase");
  state.close();
});

test("a stack that holds resources can't be removed", async () => {
  assert.equal(problemOf(await running.engine.removeStack(address, running.state).catch((error: unknown) => error)).code, "leftovers");
});

test("a destroy runs no program, and then the stack can be removed completely", async () => {
  const { changes } = await running.run(role({ name: "whatever the spec says now" }), { action: "destroy" });
  assert.deepEqual(changes, { delete: 4 });
  await assert.rejects(liveRole, { name: "NoSuchEntityException" });
  assert.deepEqual((await running.run(role(), { action: "destroy" })).changes, {});
  await running.engine.removeStack(address, running.state);
  const s3 = new S3Client({ endpoint: running.sandbox.awsEndpoint, region: "us-east-1", forcePathStyle: true, credentials: running.state });
  const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: "drawbridge-state", Prefix: "tenants/acme/" }));
  assert.deepEqual(
    Contents?.map(({ Key }) => Key),
    ["tenants/acme/.pulumi/meta.yaml"],
  );
});

test("the CLI kept no logs", async () => {
  const { mode, size } = await stat(path.join(running.sandbox.pulumiHome, "logs"));
  assert.deepEqual([mode & 0o777, size], [0o600, 0]);
});

test("no operation leaves a folder", async () => {
  assert.deepEqual(await readdir(path.join(running.sandbox.dataDir, "work")), []);
});
