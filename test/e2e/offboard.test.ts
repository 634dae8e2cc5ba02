import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { GetRoleCommand } from "@aws-sdk/client-iam";
import { DescribeKeyCommand, ListAliasesCommand } from "@aws-sdk/client-kms";
import { tenantThings } from "../../sandbox/accounts.ts";
import type { Operation } from "../../src/model/operation.ts";
import { startWorld, type World } from "../support/world.ts";

describe("a tenant is offboarded", { concurrency: false }, () => {
  let world: World;
  let account: string;
  const bucket = () => tenantThings.plainBucket(account);
  const role = (RoleName: string) => world.aws().iam.send(new GetRoleCommand({ RoleName }));
  const reader = (name: string) => ({
    blueprint: "conductorone-s3",
    parameters: { bucket: bucket(), roleName: `Reader-${name}`, externalId: `id-of-${name}-77ab` },
  });
  const studio = () => ({
    blueprint: "creative-force-s3",
    parameters: {
      mode: "delivery",
      bucket: tenantThings.sharedBucket(account),
      encryption: { type: "SSE-KMS", createKey: true },
      bucketPolicy: "least",
      roleName: "Studio",
      externalId: "studio-id-19c5e2",
    },
  });
  const offboard = () => world.api.call<{ operation: Operation; code: string }>("DELETE", "/v1/tenants/acme");

  before(async () => {
    world = await startWorld();
    account = world.sandbox.accounts.tenant.accountId;
    await world.tenant("acme");
  });
  after(() => world?.stop());

  test("DELETE of a tenant with integrations takes them all down and reads back that nothing is left", async () => {
    for (const name of ["one", "two"]) assert.equal((await world.put("acme", name, reader(name))).operation.state, "succeeded");
    const made = await world.put("acme", "studio", studio());
    assert.equal(made.operation.state, "succeeded", JSON.stringify(made.operation.error));
    const answer = await offboard();
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    assert.equal(answer.headers.get("location"), `/v1/operations/${answer.body.operation.id}`);
    assert.equal((await offboard()).body.operation.id, answer.body.operation.id, "a second DELETE joins the first");
    const refused = await world.api.call<{ code: string }>("PUT", "/v1/tenants/acme/integrations/late", { body: reader("late") });
    assert.deepEqual([refused.status, refused.body.code], [409, "tenant_offboarding"]);
    const ended = await world.api.finished(answer.body.operation.id);
    assert.equal(ended.state, "succeeded", JSON.stringify(ended.error));
    assert.equal(ended.children?.length, 3);
    for (const name of ["Reader-one", "Reader-two", "Studio"]) await assert.rejects(role(name), /NoSuchEntity|cannot be found/);
    assert.equal((await world.api.call("GET", "/v1/tenants/acme")).status, 404);
  });

  test("what stays is in the receipt: the key, and why", async () => {
    const { body } = await world.api.call<{ items: { integration: string; retained: { keyArn: string; why: string }[] }[] }>(
      "GET",
      "/v1/tenants/acme/receipts",
    );
    assert.deepEqual(body.items.map(({ integration }) => integration).toSorted(), ["one", "studio", "two"]);
    const [retained] = body.items.find(({ integration }) => integration === "studio")?.retained ?? [];
    assert.match(retained?.why ?? "", /destroys what it encrypted/);
    const { KeyMetadata } = await world.aws().kms.send(new DescribeKeyCommand({ KeyId: retained?.keyArn }));
    assert.equal(KeyMetadata?.KeyState, "Enabled");
    const { Aliases = [] } = await world.aws().kms.send(new ListAliasesCommand({}));
    assert.ok(!Aliases.some(({ AliasName }) => AliasName?.startsWith("alias/drawbridge/acme/")));
  });

  test("the same name can be registered anew, and an empty tenant goes at once", async () => {
    await world.tenant("acme");
    assert.equal((await offboard()).status, 204);
    assert.equal((await offboard()).status, 404);
  });
});
