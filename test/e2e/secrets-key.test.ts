/** Secrets in state under a KMS key, as installations have them: the sandbox's usual passphrase isn't used anywhere here. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DescribeKeyCommand, DisableKeyCommand, EnableKeyCommand } from "@aws-sdk/client-kms";
import { GetObjectCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { platformThings, tenantThings } from "../../sandbox/accounts.ts";
import { rootOf } from "../../sandbox/root.ts";
import { startWorld, type World } from "../support/world.ts";

describe("a KMS key for secrets in state", { concurrency: false }, () => {
  let world: World;
  const platform = () => rootOf(world.sandbox.awsEndpoint, "platform");
  const body = (externalId: string) => ({
    blueprint: "creative-force-s3",
    parameters: {
      mode: "delivery",
      bucket: tenantThings.plainBucket(world.sandbox.accounts.tenant.accountId),
      encryption: { type: "SSE-S3" },
      roleName: "SecretsKey",
      externalId,
    },
  });
  const states = async (): Promise<string[]> => {
    const { s3 } = platform();
    const objects = (
      await s3.send(new ListObjectsV2Command({ Bucket: platformThings.stateBucket, Prefix: "tenants/acme/.pulumi/stacks/" }))
    ).Contents;
    const read = async (Key: string | undefined) =>
      (await s3.send(new GetObjectCommand({ Bucket: platformThings.stateBucket, Key }))).Body?.transformToString() ?? "";
    // The CLI keeps a stack's last state beside it as `.bak`.
    return Promise.all((objects ?? []).filter(({ Key }) => Key?.endsWith(".json")).map(({ Key }) => read(Key)));
  };

  before(async () => {
    world = await startWorld();
    await world.restart({ environment: { DRAWBRIDGE_SECRETS_PROVIDER: world.sandbox.secretsProvider } });
    await world.tenant("acme");
  });
  after(() => world?.stop());

  test("a create and an update leave state under that key", async () => {
    for (const externalId of ["cf-first-7d0a2e41", "cf-second-91b3c6f5"]) {
      const { operation } = await world.put("acme", "cf", body(externalId));
      assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    }
    const [state, ...more] = await states();
    assert.equal(more.length, 0);
    const { type, state: provider } = JSON.parse(state ?? "{}").checkpoint.latest.secrets_providers;
    assert.equal(type, "cloud");
    assert.ok(provider.url.startsWith(world.sandbox.secretsProvider));
    assert.ok(provider.encryptedkey.length > 40);
  });

  test("a key that may not be used is our fault to name, not the tenant's, and changes nothing", async () => {
    const before = await states();
    const { kms } = platform();
    const KeyId = (await kms.send(new DescribeKeyCommand({ KeyId: platformThings.secretsKeyAlias }))).KeyMetadata?.KeyId;
    await kms.send(new DisableKeyCommand({ KeyId }));
    const { operation } = await world.put("acme", "cf", body("cf-third-0f4e8d2c"));
    await kms.send(new EnableKeyCommand({ KeyId }));
    assert.deepEqual(
      [operation.state, operation.error?.code, operation.error?.cause],
      ["failed", "not_ready", "KMS Decrypt DisabledException"],
      JSON.stringify(operation),
    );
    assert.deepEqual(await states(), before);
  });

  test("once the key works again the same wish succeeds, and a teardown leaves nothing", async () => {
    const { operation } = await world.put("acme", "cf", body("cf-third-0f4e8d2c"));
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    assert.equal((await world.destroy("acme", "cf")).state, "succeeded");
    assert.deepEqual(await states(), []);
  });
});
