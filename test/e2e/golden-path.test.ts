import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { GetRoleCommand, GetRolePolicyCommand } from "@aws-sdk/client-iam";
import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { tenantThings } from "../../sandbox/accounts.ts";
import { asOutsider, assumeAs, asVendor } from "../../sandbox/vendor.ts";
import type { IntegrationView } from "../../src/http/views/schemas.ts";
import type { Proof } from "../../src/iam/contract/contract.ts";
import type { Operation } from "../../src/model/operation.ts";
import { startWorld, type World } from "../support/world.ts";

const run = promisify(execFile);
const externalId = "c1-7d1f6a93b2e84c05a1f2";
const route = "/v1/tenants/acme/integrations/c1";

describe("one integration from its first PUT to its last read-back", { concurrency: false }, () => {
  let world: World;
  let bucket: string;
  let roleId: string | undefined;
  const body = (id: string) => ({ blueprint: "conductorone-s3", parameters: { bucket, externalId: id } });
  const role = async (name = "ConductorOneIntegration") => (await world.aws().iam.send(new GetRoleCommand({ RoleName: name }))).Role;
  const vendorSession = async (id?: string) =>
    assumeAs(world.sandbox, await asVendor(world.sandbox, "conductorone"), {
      roleArn: `arn:aws:iam::${world.sandbox.accounts.tenant.accountId}:role/ConductorOneIntegration`,
      sessionName: "sync",
      ...(id !== undefined && { externalId: id }),
    });

  before(async () => {
    world = await startWorld();
    bucket = tenantThings.plainBucket(world.sandbox.accounts.tenant.accountId);
    await world.tenant("acme");
  });
  after(() => world?.stop());

  test("a preview says what would happen and does nothing", async () => {
    const answer = await world.api.call<{ operation: Operation }>("POST", `${route}/preview`, { body: body(externalId) });
    assert.equal(answer.status, 202);
    const operation = await world.api.finished(answer.body.operation.id);
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    const text = JSON.stringify(operation.result);
    assert.match(text, /"create":5|"create":4|"create":6/);
    assert.ok(!text.includes(externalId), "a preview shows no external id");
    await assert.rejects(role(), /cannot be found|NoSuchEntity/);
    assert.equal((await world.api.call("GET", route)).status, 404);
  });

  test("a PUT makes the role that the guide describes, and proves it", async () => {
    const { operation, integration } = await world.put("acme", "c1", body(externalId));
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    assert.equal(integration.handshake.state, "trusted");
    const made = await role();
    roleId = made?.RoleId;
    assert.deepEqual(JSON.parse(decodeURIComponent(made?.AssumeRolePolicyDocument ?? "")), {
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "DrawbridgeTrust",
          Effect: "Allow",
          Principal: { AWS: "arn:aws:iam::765656841499:role/ConductorOneS3DatasourceService" },
          Action: "sts:AssumeRole",
          Condition: { StringEquals: { "sts:ExternalId": externalId } },
        },
      ],
    });
    const policy = await world
      .aws()
      .iam.send(new GetRolePolicyCommand({ RoleName: made?.RoleName, PolicyName: "ConductorOnePermissions" }));
    const { Statement } = JSON.parse(decodeURIComponent(policy.PolicyDocument ?? ""));
    const granted = Statement.flatMap((one: { Action: string[]; Resource: string | string[] }) =>
      one.Action.map((action) => `${action} ${[one.Resource].flat().join()}`),
    ).sort();
    assert.deepEqual(granted, [
      `s3:GetBucketLocation arn:aws:s3:::${bucket}`,
      `s3:GetObject arn:aws:s3:::${bucket}/*`,
      `s3:GetObjectAttributes arn:aws:s3:::${bucket}/*`,
      `s3:ListBucket arn:aws:s3:::${bucket}`,
    ]);
    assert.deepEqual(Object.fromEntries((made?.Tags ?? []).map((tag) => [tag.Key, tag.Value])), {
      "drawbridge:tenant": "acme",
      "drawbridge:integration": "c1",
      "drawbridge:stack": integration.stacks[0]?.stack,
    });
  });

  test("the proof holds rows for the right, missing and wrong id, a foreign account, each action, and the closure", async () => {
    const { body: proof } = await world.api.call<Proof>("GET", `${route}/proof`);
    assert.equal(proof.verdict, "green");
    assert.ok(proof.rows.every((row) => row.verdict === "green"));
    for (const action of ["s3:GetObject", "s3:GetObjectAttributes", "s3:GetBucketLocation", "s3:ListBucket", "sts:AssumeRole"]) {
      assert.ok(
        proof.rows.some((row) => row.expect === "allow" && row.action === action && row.decision === "allowed"),
        action,
      );
    }
    const refused = proof.rows.filter((row) => row.expect === "deny" && row.action === "sts:AssumeRole");
    assert.ok(refused.length >= 4, "no id, wrong id, foreign account, another principal of the vendor");
    assert.ok(!JSON.stringify(proof).includes(externalId), "a proof shows fingerprints only");
  });

  test("the vendor can do what it asked for and nothing else", async () => {
    const { s3 } = world.aws(await vendorSession(externalId));
    const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: tenantThings.sampleObject }));
    assert.equal(await object.Body?.transformToString(), "hello\n");
    await assert.rejects(s3.send(new PutObjectCommand({ Bucket: bucket, Key: "x", Body: "x" })), /AccessDenied|Forbidden/);
    await assert.rejects(vendorSession(), /AccessDenied|not authorized/);
    await assert.rejects(vendorSession("wrong-id-entirely"), /AccessDenied|not authorized/);
    const stranger = assumeAs(world.sandbox, asOutsider(world.sandbox), {
      roleArn: `arn:aws:iam::${world.sandbox.accounts.tenant.accountId}:role/ConductorOneIntegration`,
      sessionName: "x",
      externalId,
    });
    await assert.rejects(stranger, /AccessDenied|not authorized/);
  });

  test("the same PUT again starts no operation", async () => {
    const answer = await world.api.call("PUT", route, { body: body(externalId) });
    assert.equal(answer.status, 200);
    const { body: list } = await world.api.call<{ items: Operation[] }>("GET", "/v1/operations?tenant=acme&integration=c1&kind=up");
    assert.equal(list.items.length, 1);
  });

  test("the state in S3 is the plain CLI's to read: no pending operation, no credential, no secret in clear", async () => {
    const { body: integration } = await world.api.call<IntegrationView>("GET", route);
    const exported = await stackExport(world, integration);
    assert.equal(exported.deployment.pending_operations?.length ?? 0, 0);
    assert.ok(exported.deployment.resources.some((one: { type: string }) => one.type === "aws:iam/role:Role"));
    const text = JSON.stringify(exported);
    const secrets = Object.values(world.sandbox.accounts).map((account) => account.secretAccessKey);
    for (const secret of [...secrets, world.sandbox.environment.DRAWBRIDGE_SECRETS_PASSPHRASE, world.service.token]) {
      assert.ok(secret && !text.includes(secret));
    }
    for (const { inputs = {} } of exported.deployment.resources) {
      assert.deepEqual(
        Object.keys(inputs).filter((key) => /^(accessKey|secretKey|token)$/.test(key)),
        [],
      );
    }
  });

  test("a changed external id changes the trust in place; the old id is refused and can't come back", async () => {
    const answer = await world.api.call("PUT", route, { body: body("c1-second-5e9a0c771b3d") });
    assert.equal(answer.status, 428, "a change needs If-Match");
    const { operation } = await world.put("acme", "c1", body("c1-second-5e9a0c771b3d"));
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    assert.equal((await role())?.RoleId, roleId);
    await assert.rejects(vendorSession(externalId), /AccessDenied|not authorized/);
    await vendorSession("c1-second-5e9a0c771b3d");
    const { headers } = await world.api.call("GET", route);
    const back = await world.api.call<{ code: string }>("PUT", route, {
      body: body(externalId),
      headers: { "if-match": headers.get("etag") ?? "" },
    });
    assert.equal(back.status, 409);
    assert.equal(back.body.code, "external_id_superseded");
  });

  test("an external id that is in use can't be another tenant's", async () => {
    await world.tenant("globex");
    const parameters = { bucket, roleName: "Other", externalId: "C1-SECOND-5e9a0c771b3d" };
    const taken = await world.api.call<{ code: string; detail: string }>("PUT", "/v1/tenants/globex/integrations/c1", {
      body: { blueprint: "conductorone-s3", parameters },
    });
    assert.deepEqual([taken.status, taken.body.code], [409, "external_id_taken"]);
    assert.ok(!/acme/.test(JSON.stringify(taken.body)), "the refusal names no owner");
  });

  test("a second integration that wants the same role name is refused by name, and changes nothing", async () => {
    const body = { blueprint: "conductorone-s3", parameters: { bucket, externalId: "globex-own-id-19ac" } };
    const refused = await world.api.call<{ code: string }>("PUT", "/v1/tenants/globex/integrations/c1", { body });
    assert.deepEqual([refused.status, refused.body.code], [409, "claimed_by_another"]);
    // With the administrator's word, the role's own tags still protect it.
    for (const resource of [`bucket/${bucket}`, "role/ConductorOneIntegration"])
      await world.api.call("POST", "/v1/claims/grants", { body: { tenant: "globex", resource } });
    const { operation } = await world.put("globex", "c1", body);
    assert.deepEqual([operation.state, operation.error?.code], ["failed", "role_name_taken"]);
    assert.equal((await role())?.RoleId, roleId);
    assert.equal((await world.destroy("globex", "c1")).state, "succeeded");
    assert.equal((await role())?.RoleId, roleId, "destroying the refused one leaves the other's role alone");
  });

  test("DELETE leaves nothing in the account, and the tenant can go", async () => {
    const operation = await world.destroy("acme", "c1");
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    await assert.rejects(role(), /cannot be found|NoSuchEntity/);
    assert.equal((await world.api.call("DELETE", "/v1/tenants/acme")).status, 204);
    assert.equal((await world.api.call("GET", "/v1/tenants/acme")).status, 404);
  });

  test("no step of this needed the account's root or the platform's own rights", async () => {
    const sts = new STSClient({
      endpoint: world.sandbox.awsEndpoint,
      region: "us-east-1",
      credentials: await asVendor(world.sandbox, "conductorone"),
    });
    const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
    assert.match(Arn ?? "", /^arn:aws:sts::765656841499:assumed-role\/ConductorOneS3DatasourceService\//);
  });
});

interface Exported {
  deployment: { resources: { type: string; inputs?: Record<string, unknown> }[]; pending_operations?: unknown[] };
}

/** What `pulumi stack export` shows to somebody who has the state bucket's credentials. */
async function stackExport(world: World, integration: IntegrationView): Promise<Exported> {
  const [stack] = integration.stacks;
  const folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-export-"));
  await mkdir(path.join(folder, "home"));
  await writeFile(path.join(folder, "Pulumi.yaml"), `name: ${stack?.project}\nruntime: nodejs\n`);
  const { platform } = world.sandbox.accounts;
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    PULUMI_HOME: path.join(folder, "home"),
    PULUMI_BACKEND_URL: stack?.backendUrl,
    PULUMI_CONFIG_PASSPHRASE: world.sandbox.environment.DRAWBRIDGE_SECRETS_PASSPHRASE,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    AWS_ACCESS_KEY_ID: platform.accessKeyId,
    AWS_SECRET_ACCESS_KEY: platform.secretAccessKey,
    AWS_REGION: "us-east-1",
    AWS_RESPONSE_CHECKSUM_VALIDATION: "when_required",
  };
  const { stdout } = await run(path.join(world.sandbox.cli.root, "bin", "pulumi"), ["stack", "export", "--stack", stack?.stack ?? ""], {
    cwd: folder,
    env,
  });
  await rm(folder, { recursive: true, force: true });
  return JSON.parse(stdout) as Exported;
}
