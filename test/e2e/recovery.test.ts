import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { GetRoleCommand } from "@aws-sdk/client-iam";
import { DeleteObjectCommand, ListObjectVersionsCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { tenantThings } from "../../sandbox/accounts.ts";
import { rootOf } from "../../sandbox/root.ts";
import type { IntegrationView } from "../../src/http/views/schemas.ts";
import { startWorld, type World } from "../support/world.ts";

describe("state that was lost or damaged", { concurrency: false }, () => {
  let world: World;
  let key: string;
  let count = 0;
  const Bucket = "drawbridge-state";
  const s3 = () => rootOf(world.sandbox.awsEndpoint, "platform").s3;
  const body = () => ({
    blueprint: "conductorone-s3",
    parameters: { bucket: tenantThings.plainBucket(world.sandbox.accounts.tenant.accountId), externalId: `id-${++count}-e77d03` },
  });
  const roleId = async () => (await world.aws().iam.send(new GetRoleCommand({ RoleName: "ConductorOneIntegration" }))).Role?.RoleId;

  before(async () => {
    world = await startWorld();
    await world.tenant("acme");
    const { integration } = await world.put("acme", "c1", body());
    key = `tenants/acme/.pulumi/stacks/drawbridge/${integration.stacks[0]?.stack}.json`;
  });
  after(() => world?.stop());

  const damages: [string, () => Promise<unknown>][] = [
    ["empty", () => s3().send(new PutObjectCommand({ Bucket, Key: key, Body: "" }))],
    ["cut off", () => s3().send(new PutObjectCommand({ Bucket, Key: key, Body: '{"version":3,"checkpoint":{"sta' }))],
    ["a web page", () => s3().send(new PutObjectCommand({ Bucket, Key: key, Body: "<html>502 Bad Gateway</html>" }))],
    ["gone", () => s3().send(new DeleteObjectCommand({ Bucket, Key: key }))],
  ];
  for (const [what, damage] of damages) {
    test(`is put back from its last good version when it is ${what}: the same role changes in place`, async () => {
      const before = await roleId();
      await damage();
      const { operation } = await world.put("acme", "c1", body());
      assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
      assert.equal(await roleId(), before);
    });
  }

  test("is made up for by the ownership tags when no version of it is left: the role is taken in, not made anew", async () => {
    const before = await roleId();
    await removeVersions();
    const { operation } = await world.put("acme", "c1", body());
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    assert.equal(await roleId(), before);
  });

  test("is refused when it is damaged and no version can be read; nothing in the account changes", async () => {
    const before = await roleId();
    await removeVersions();
    await s3().send(new PutObjectCommand({ Bucket, Key: key, Body: "{" }));
    const { operation } = await world.put("acme", "c1", body());
    assert.deepEqual([operation.state, operation.error?.code, operation.error?.retry], ["failed", "state_damaged", "after-change"]);
    assert.equal(await roleId(), before);
    const { body: view } = await world.api.call<IntegrationView>("GET", "/v1/tenants/acme/integrations/c1");
    assert.equal(view.stacks.length, 1);
  });

  async function removeVersions(): Promise<void> {
    const { Versions = [], DeleteMarkers = [] } = await s3().send(new ListObjectVersionsCommand({ Bucket, Prefix: key }));
    for (const { Key, VersionId } of [...Versions, ...DeleteMarkers]) {
      if (Key === key) await s3().send(new DeleteObjectCommand({ Bucket, Key, VersionId }));
    }
  }
});
