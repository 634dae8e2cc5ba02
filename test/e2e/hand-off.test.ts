import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { GetRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { KMSClient, ListAliasesCommand } from "@aws-sdk/client-kms";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import { sandboxRegion } from "../../sandbox/accounts.ts";
import { rootOf } from "../../sandbox/root.ts";
import { readKey, readRole } from "../../src/accounts/live-documents.ts";
import { blueprints } from "../../src/blueprints/registry.ts";
import type { HandOffView } from "../../src/http/routes/hand-off.ts";
import type { Proof } from "../../src/iam/contract/contract.ts";
import { judge } from "../../src/iam/contract/judge.ts";
import type { LiveDocuments } from "../../src/iam/words/live.ts";
import { handOffOf } from "../../src/integrations/hand-off/bundle.ts";
import { cloudFormationTemplate } from "../../src/integrations/hand-off/cloudformation.ts";
import type { StackPlan } from "../../src/integrations/stacks/plan.ts";
import type { Operation } from "../../src/model/operation.ts";
import { readCases } from "../blueprints/fixture.ts";
import { liveDocuments } from "../blueprints/live.ts";
import { deleteStack, deployTemplate } from "../support/cloudformation.ts";
import { startWorld, type World } from "../support/world.ts";

describe("a tenant whose account is never entered", { concurrency: false }, () => {
  let world: World;
  const route = "/v1/tenants/closed/integrations/c1";
  before(async () => {
    world = await startWorld();
    const body = { accountId: "999988887777", region: "eu-west-1", access: { mode: "hand-off" } };
    assert.equal((await world.api.call("PUT", "/v1/tenants/closed", { body })).status, 201);
  });
  after(() => world?.stop());

  test("gets its documents judged, and nothing made", async () => {
    const parameters = { bucket: "their-bucket", externalId: "c1-hand-off-04f1c2" };
    const { operation, integration } = await world.put("closed", "c1", { blueprint: "conductorone-s3", parameters });
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    assert.equal(integration.handshake.state, "awaiting-customer");
    assert.deepEqual(integration.stacks, []);
    const { body: proof } = await world.api.call<Proof>("GET", `${route}/proof`);
    assert.equal(proof.verdict, "green");
    assert.match(proof.notCovered[0] ?? "", /doesn't enter it/);
  });

  test("is handed the vendor's fields, the documents and a template with the external id whole", async () => {
    const { body } = await world.api.call<HandOffView>("GET", `${route}/hand-off`);
    assert.deepEqual(
      body.fields.map(({ field, value }) => [field, value]),
      [
        ["Role ARN", "arn:aws:iam::999988887777:role/ConductorOneIntegration"],
        ["Bucket name", "their-bucket"],
      ],
    );
    assert.match(JSON.stringify(body.template), /c1-hand-off-04f1c2/);
    assert.match(JSON.stringify(body.template), /"DeletionPolicy":"Retain"/);
    const headers = { authorization: `Bearer ${world.service.token}` };
    const markdown = await fetch(`${world.service.url}${route}/hand-off?format=markdown`, { headers });
    assert.match(markdown.headers.get("content-type") ?? "", /^text\/markdown/);
    assert.match(await markdown.text(), /\| Role ARN \|/);
  });

  test("gets a link that opens the template in the console, for the template's place in S3", async () => {
    const templateUrl = "https://their-templates.s3.eu-west-1.amazonaws.com/c1.json";
    const { body } = await world.api.call<HandOffView>("GET", `${route}/hand-off?templateUrl=${encodeURIComponent(templateUrl)}`);
    const link = new URL(body.quickCreateLink ?? "");
    assert.equal(`${link.origin}${link.pathname}${link.search}`, "https://console.aws.amazon.com/cloudformation/home?region=eu-west-1");
    const query = new URLSearchParams(link.hash.replace("#/stacks/quickcreate?", ""));
    assert.deepEqual(
      [...query],
      [
        ["templateURL", templateUrl],
        ["stackName", "drawbridge-c1"],
      ],
    );
    assert.ok(!link.href.includes("c1-hand-off-04f1c2"));
    const elsewhere = await world.api.call("GET", `${route}/hand-off?templateUrl=${encodeURIComponent("https://example.com/c1.json")}`);
    assert.equal(elsewhere.status, 400);
  });

  test("is taken away without a call", async () => {
    assert.equal((await world.destroy("closed", "c1")).state, "succeeded");
  });

  test("has its role made by the template, and later adopted as it is", async () => {
    const { accountId, region, provisioningRoleArn } = world.sandbox.accounts.neighbour;
    const root = rootOf(world.sandbox.awsEndpoint, "neighbour");
    await root.s3.send(new CreateBucketCommand({ Bucket: "neighbours-files" }));
    const tenant = "/v1/tenants/neighbour";
    const access = { mode: "hand-off" };
    assert.equal((await world.api.call("PUT", tenant, { body: { accountId, region, access } })).status, 201);
    const body = { blueprint: "conductorone-s3", parameters: { bucket: "neighbours-files", externalId: "c1-neighbour-7d2a90" } };
    const { operation } = await world.put("neighbour", "files", body);
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    const { body: template } = await world.api.call("GET", `${tenant}/integrations/files/hand-off?format=cloudformation`);
    await deployTemplate(world.sandbox.awsEndpoint, accountId, "vendor-access", template);
    const roleId = async () => (await root.iam.send(new GetRoleCommand({ RoleName: "ConductorOneIntegration" }))).Role?.RoleId;
    const id = await roleId();

    const etag = (await world.api.call("GET", tenant)).headers.get("etag") ?? "";
    const entered = { accountId, region, access: { mode: "assume-role", roleArn: provisioningRoleArn } };
    const changed = await world.api.call<{ provisioning: { externalId: string } }>("PUT", tenant, {
      body: entered,
      headers: { "if-match": etag },
    });
    assert.equal(changed.status, 200);
    await world.sandbox.trustProvisioner(changed.body.provisioning.externalId, "neighbour");
    const verb = async (name: string, body: unknown) => {
      const { body: answer } = await world.api.call<{ operation: Operation }>("POST", `${tenant}/integrations/files/${name}`, { body });
      return world.api.finished(answer.operation.id);
    };
    const adopted = await verb("adopt", { roleArn: `arn:aws:iam::${accountId}:role/ConductorOneIntegration` });
    assert.equal(adopted.state, "succeeded", JSON.stringify(adopted.error));
    assert.match(JSON.stringify(adopted.result?.["warnings"]), /CloudFormation stack vendor-access/);
    assert.equal(await roleId(), id);
    const { stacks } = (await verb("preview", body)).result as { stacks: StackPlan[] };
    assert.deepEqual(
      stacks.map(({ changes, documents }) => [Object.keys(changes), documents]),
      [[["same"], []]],
    );
    await deleteStack(world.sandbox.awsEndpoint, accountId, "vendor-access");
    assert.equal(await roleId(), id, "the template retains the role");
    assert.equal((await world.destroy("neighbour", "files")).state, "succeeded");
  });

  test("every blueprint's template, deployed, allows and denies what its stacks do", async () => {
    let account = 900_000_000_000;
    for (const blueprint of blueprints) {
      for (const { name, ...fixture } of readCases(blueprint.vendor)) {
        account += 1;
        const own = JSON.stringify({ context: fixture.context, parameters: fixture.parameters });
        const { context, parameters } = JSON.parse(own.replaceAll(fixture.context.accountId, String(account))) as typeof fixture;
        const read = blueprint.parameters.parse(parameters) as Record<string, unknown>;
        const template = cloudFormationTemplate(handOffOf(blueprint, read, context));
        await deployTemplate(world.sandbox.awsEndpoint, context.accountId, "vendor-access", template);
        const shared = { endpoint: world.sandbox.awsEndpoint, region: sandboxRegion };
        const credentials = { accessKeyId: context.accountId, secretAccessKey: "unchecked" };
        const [iam, kms] = [new IAMClient({ ...shared, credentials }), new KMSClient({ ...shared, credentials })];
        const keyId = (await kms.send(new ListAliasesCommand({}))).Aliases?.find(({ AliasName }) =>
          AliasName?.startsWith("alias/drawbridge/"),
        );
        const key = keyId?.TargetKeyId === undefined ? undefined : await readKey(kms, keyId.TargetKeyId);
        const there = { ...context, ...(key && { outputs: { [`kms-key/${context.integration}`]: { keyArn: key.arn } } }) };
        const expected = liveDocuments(blueprint, read, there);
        const roles = await Promise.all(expected.roles.map(async (role) => (await readRole(iam, role.name)) ?? assert.fail(role.name)));
        const deployed: LiveDocuments = { ...expected, roles, keys: expected.keys.map((one) => (one.arn === key?.arn ? key : one)) };
        const contract = blueprint.contract(read, there);
        const decisions = (live: LiveDocuments) =>
          judge(contract, live, "2026-11-22T03:00:00Z").rows.map(({ id, expect, decision, verdict }) => ({
            id,
            expect,
            decision,
            verdict,
          }));
        assert.ok(decisions(deployed).length > 5, name);
        assert.deepEqual(decisions(deployed), decisions(expected), `${blueprint.id}, ${name}`);
      }
    }
  });
});
