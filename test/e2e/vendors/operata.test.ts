import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { GetRoleCommand, ListRolePoliciesCommand } from "@aws-sdk/client-iam";
import { asOutsider, assumeAs } from "../../../sandbox/vendor.ts";
import type { Operation } from "../../../src/model/operation.ts";
import { assertHandOff, liveAs, refused, succeeded, type VendorLifecycle } from "./vendor-lifecycle.ts";

const pipe = "operataEventBridgePipeRole-grp-0a1b2c";
const lambda = "CloudCollectorV3Stack-grp-0a1b2c";

describe("Operata's two roles, which only services of the own account assume", { concurrency: false }, () => {
  let lifecycle: VendorLifecycle;
  let untouched: unknown;
  let ids: (string | undefined)[] = [];
  const inline = async (RoleName: string) =>
    (await lifecycle.aws().iam.send(new ListRolePoliciesCommand({ RoleName }))).PolicyNames?.sort();
  const roleIds = () => Promise.all([pipe, lambda].map((name) => lifecycle.roleId(name)));

  before(async () => {
    lifecycle = await liveAs("operata", "least", { "acme-agents": [] });
    untouched = await lifecycle.inventory();
  });
  after(() => lifecycle?.stop());

  test("both roles are made with the guide's names and proven; the hand-off is the fixture's", async () => {
    const made = await lifecycle.up(lifecycle.fixture.parameters);
    assert.equal(made.handshake.state, "trusted");
    assertHandOff(made, lifecycle.fixture);
    ids = await roleIds();
    assert.ok(ids.every(Boolean));
    assert.deepEqual(await inline(pipe), [
      "ApiDestination-Operata-GroupId-grp-0a1b2c",
      "KinesisSource-Operata-GroupId-grp-0a1b2c",
      "LambdaInvocation-Operata-GroupId-grp-0a1b2c",
    ]);
    assert.deepEqual(await inline(lambda), ["SecretsManagerAccess-Operata-GroupId-grp-0a1b2c"]);
    const { rows } = await lifecycle.proof();
    const allowed = rows
      .filter(({ expect, action }) => expect === "allow" && action === "sts:AssumeRole")
      .map(({ principal }) => principal);
    assert.deepEqual([...new Set(allowed)].sort(), ["lambda.amazonaws.com", "pipes.amazonaws.com"]);
  });

  test("nobody outside gets into either role", async () => {
    for (const name of [pipe, lambda]) {
      await assert.rejects(
        assumeAs(lifecycle.sandbox, asOutsider(lifecycle.sandbox), { roleArn: lifecycle.arn(name), sessionName: "x" }),
        refused,
      );
    }
  });

  test("an external id has no place here", async () => {
    const answer = await lifecycle.api.call<{ code: string }>("POST", `${lifecycle.route}/external-id`, {
      body: { externalId: "operata-1f8c2b7d" },
    });
    assert.deepEqual([answer.status, answer.body.code], [422, "invalid_parameters"]);
  });

  test("a second group lives beside the first in one account", async () => {
    const parameters = { ...lifecycle.fixture.parameters, groupId: "grp-9z8y7x", instanceName: "acme-second" };
    const { operation } = await lifecycle.put("acme", "voice-two", { blueprint: "operata-cloud-collector", parameters });
    succeeded(operation);
    assert.ok(await lifecycle.roleId("CloudCollectorV3Stack-grp-9z8y7x"));
    const gone: Operation = await lifecycle.destroy("acme", "voice-two");
    succeeded(gone);
    assert.deepEqual(await roleIds(), ids);
  });

  test("every parameter but the group changes in place", async () => {
    const { region, accountId } = lifecycle.fixture.context;
    await lifecycle.up({
      ...lifecycle.fixture.parameters,
      instanceName: "acme-renamed",
      ctrStreamArn: `arn:aws:kinesis:${region}:${accountId}:stream/other-ctr`,
      apiDestinationArn: `arn:aws:events:${region}:${accountId}:api-destination/operataEndpointGroup-grp-0a1b2c/11111111-2222-3333-4444-555555555555`,
      vpc: true,
      agentDataBucket: "acme-agents",
      environment: "Staging",
      createdBy: "ops@acme.example",
    });
    assert.deepEqual(await roleIds(), ids);
    assert.deepEqual(await inline(lambda), [
      "AgentDataS3Access-Operata-GroupId-grp-0a1b2c",
      "EC2NetworkInterface-Operata-GroupId-grp-0a1b2c",
      "SecretsManagerAccess-Operata-GroupId-grp-0a1b2c",
    ]);
    const { Role } = await lifecycle.aws().iam.send(new GetRoleCommand({ RoleName: pipe }));
    assert.match(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ""), /operataEventsPipe-acme-renamed-amazonConnect/);
    const tags = Object.fromEntries((Role?.Tags ?? []).map(({ Key, Value }) => [Key, Value]));
    assert.deepEqual([tags.Environment, tags.CreatedBy], ["Staging", "ops@acme.example"]);
  });

  test("what was asked for no more is taken away again", async () => {
    await lifecycle.up(lifecycle.fixture.parameters);
    assert.deepEqual(await inline(lambda), ["SecretsManagerAccess-Operata-GroupId-grp-0a1b2c"]);
  });

  test("after the teardown the account is as it was", async () => {
    succeeded(await lifecycle.destroy("acme", "voice"));
    assert.deepEqual(await lifecycle.inventory(), untouched);
  });
});
