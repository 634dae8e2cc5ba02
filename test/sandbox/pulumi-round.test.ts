import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { GetRoleCommand, IAMClient, ListRolePoliciesCommand, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { LocalWorkspace, PulumiCommand, type Stack } from "@pulumi/pulumi/automation/index.js";
import { roleProgram } from "../../programs/role.ts";
import { accountIds, sandboxRegion } from "../../sandbox/accounts.ts";
import { type Sandbox, startSandbox } from "../../sandbox/sandbox.ts";
import { assumeAs, asTenantAdmin } from "../../sandbox/vendor.ts";
import type { RoleInputs } from "../../stacks/stack.ts";

let sandbox: Sandbox;
let stack: Stack;
let admin: IAMClient;
let inputs: RoleInputs = {
  name: "DrawbridgeRound",
  description: "a role that comes and goes",
  trust: { Version: "2012-10-17", Statement: [{ Sid: "Closed", Effect: "Deny", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }] },
  inlinePolicies: [
    {
      name: "read",
      document: { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::b/*" }] },
    },
  ],
  managedPolicyArns: ["arn:aws:iam::aws:policy/SecurityAudit"],
  tags: { "drawbridge:tenant": "acme" },
};

before(async () => {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), "drawbridge-round-"));
  sandbox = await startSandbox({ dataDir, log: () => undefined, onlyStandIn: true });
  await sandbox.trustProvisioner("round-id");
  admin = new IAMClient({ endpoint: sandbox.awsEndpoint, region: sandboxRegion, credentials: asTenantAdmin(sandbox) });
  stack = await makeStack();
});

after(async () => {
  await sandbox?.stop();
  await rm(sandbox.dataDir, { recursive: true, force: true });
});

async function makeStack(): Promise<Stack> {
  const { platform, tenant } = sandbox.accounts;
  const session = await assumeAs(sandbox, platform, {
    roleArn: tenant.provisioningRoleArn ?? "",
    sessionName: "round",
    externalId: "round-id",
  });
  const workDir = path.join(sandbox.dataDir, "work");
  await mkdir(workDir);
  const profile = (name: string, id: string, secret: string, token = "") =>
    `[${name}]\naws_access_key_id=${id}\naws_secret_access_key=${secret}\n${token && `aws_session_token=${token}\n`}`;
  const credentials = path.join(workDir, "credentials");
  await writeFile(
    credentials,
    profile("state", platform.accessKeyId, platform.secretAccessKey) +
      profile("target", session.accessKeyId, session.secretAccessKey, session.sessionToken),
    { mode: 0o600 },
  );
  await writeFile(path.join(workDir, "aws-config"), "");
  const url = `${sandbox.stateUrl.replace("?", "/tenants/acme?")}&profile=state`;
  return await LocalWorkspace.createOrSelectStack(
    {
      stackName: "role.round-00000000",
      projectName: "drawbridge",
      program: async () => roleProgram(inputs, { accountId: accountIds.tenant, region: sandboxRegion, pathStyle: true }),
    },
    {
      workDir,
      pulumiCommand: await PulumiCommand.get({ root: sandbox.cli.root }),
      pulumiHome: sandbox.pulumiHome,
      projectSettings: { name: "drawbridge", runtime: "nodejs", backend: { url } },
      envVars: {
        AWS_SHARED_CREDENTIALS_FILE: credentials,
        AWS_CONFIG_FILE: path.join(workDir, "aws-config"),
        AWS_ENDPOINT_URL: sandbox.awsEndpoint,
        AWS_RESPONSE_CHECKSUM_VALIDATION: "when_required",
        PULUMI_BACKEND_URL: url,
        PULUMI_CONFIG_PASSPHRASE: "round",
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      },
    },
  );
}

/** The Automation API has no `--ignore-protect`, so the mark is taken out of state. */
async function unprotect(): Promise<void> {
  const state = await stack.exportStack();
  for (const resource of (state.deployment as { resources: { protect?: boolean }[] }).resources) delete resource.protect;
  await stack.importStack(state);
}

test("the real CLI makes, keeps, changes, mends and takes away a role through the stand-in, with state in the emulator's S3", async (t) => {
  let roleId: unknown;

  await t.test("up creates what preview announced", async () => {
    const preview = await stack.preview();
    assert.equal(preview.changeSummary.create, 7);
    const up = await stack.up();
    roleId = up.outputs["roleId"]?.value;
    assert.equal(up.outputs["roleArn"]?.value, `arn:aws:iam::${accountIds.tenant}:role/DrawbridgeRound`);
    const { Role } = await admin.send(new GetRoleCommand({ RoleName: "DrawbridgeRound" }));
    assert.equal(Role?.RoleId, roleId);
    assert.deepEqual(Role?.Tags, [{ Key: "drawbridge:tenant", Value: "acme" }]);
  });

  await t.test("a second up changes nothing", async () => {
    const again = await stack.up();
    assert.deepEqual(again.summary.resourceChanges, { same: 7 });
  });

  await t.test("a changed trust and description are updated in place", async () => {
    inputs = { ...inputs, description: "changed", tags: { "drawbridge:tenant": "acme", more: "1" } };
    const up = await stack.up();
    assert.deepEqual(up.summary.resourceChanges, { same: 6, update: 1 });
    assert.equal(up.outputs["roleId"]?.value, roleId);
  });

  await t.test("a policy that somebody added is a difference, which the next up takes away", async () => {
    const document = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "*" }] });
    await admin.send(new PutRolePolicyCommand({ RoleName: "DrawbridgeRound", PolicyName: "extra", PolicyDocument: document }));
    const refresh = await stack.refresh();
    assert.ok((refresh.summary.resourceChanges?.update ?? 0) >= 1, JSON.stringify(refresh.summary.resourceChanges));
    const up = await stack.up();
    assert.deepEqual(up.summary.resourceChanges, { same: 6, update: 1 });
    const { PolicyNames } = await admin.send(new ListRolePoliciesCommand({ RoleName: "DrawbridgeRound" }));
    assert.deepEqual(PolicyNames, ["read"]);
  });

  await t.test("an equivalent policy is none: refresh and up leave it alone", async () => {
    const document = JSON.stringify({
      Statement: { Resource: ["arn:aws:s3:::b/*"], Action: ["s3:GetObject"], Effect: "Allow" },
      Version: "2012-10-17",
    });
    await admin.send(new PutRolePolicyCommand({ RoleName: "DrawbridgeRound", PolicyName: "read", PolicyDocument: document }));
    await stack.refresh();
    const up = await stack.up();
    assert.deepEqual(up.summary.resourceChanges, { same: 7 });
  });

  await t.test("destroy leaves no role", async () => {
    await unprotect();
    await stack.destroy();
    await assert.rejects(admin.send(new GetRoleCommand({ RoleName: "DrawbridgeRound" })), { name: "NoSuchEntityException" });
  });
});
