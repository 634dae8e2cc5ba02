import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  DescribeKeyCommand,
  DisableKeyRotationCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  ListAliasesCommand,
  ListGrantsCommand,
  ListResourceTagsCommand,
  PutKeyPolicyCommand,
  UpdateKeyDescriptionCommand,
} from "@aws-sdk/client-kms";
import { GetBucketEncryptionCommand } from "@aws-sdk/client-s3";
import { tenantThings } from "../../sandbox/accounts.ts";
import type { KeyView } from "../../src/http/keys.ts";
import type { Operation } from "../../src/operations/operation.ts";
import { startRecordedWorld } from "../provisioning/recorded-world.ts";
import type { World } from "../support/world.ts";

describe("KMS keys, ours and theirs", { concurrency: false }, () => {
  let world: World;
  let bucket: string;
  let keyArn = "";
  const externalId = "cf-keys-0c5b7f31aa92";
  const body = (encryption: object, more: object = {}) => ({
    blueprint: "creative-force-s3",
    parameters: { mode: "delivery", bucket, encryption, roleName: "Keys", externalId, ...more },
  });
  const created = { type: "SSE-KMS", createKey: true, applyBucketEncryption: true };
  const keys = async () => (await world.api.call<{ items: KeyView[] }>("GET", "/v1/tenants/acme/keys")).body.items;
  const tags = async () =>
    Object.fromEntries(
      ((await world.aws().kms.send(new ListResourceTagsCommand({ KeyId: keyArn }))).Tags ?? []).map((tag) => [tag.TagKey, tag.TagValue]),
    );
  const succeeded = (operation: Operation) => assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));

  before(async () => {
    world = await startRecordedWorld();
    bucket = tenantThings.plainBucket(world.sandbox.accounts.tenant.accountId);
    await world.tenant("acme");
  });
  after(() => world?.stop());

  test("SSE-S3, then an existing key whose policy delegates: only the role's policy follows", async () => {
    succeeded((await world.put("acme", "cf", body({ type: "SSE-S3" }))).operation);
    const theirs = world.sandbox.accounts.tenant.keyArn ?? "";
    const { operation, integration } = await world.put("acme", "cf", body({ type: "SSE-KMS", kmsKeyArn: theirs }));
    succeeded(operation);
    assert.deepEqual(
      integration.stacks.map(({ kind }) => kind),
      ["role"],
    );
    assert.equal((await world.aws().kms.send(new ListGrantsCommand({ KeyId: theirs }))).Grants?.length ?? 0, 0);
    assert.match(JSON.stringify(operation.result?.warnings), /encrypts with AES256/);
  });

  test("an existing key whose policy doesn't delegate: a grant, which goes with the integration", async () => {
    const { kms, iam: _iam } = world.aws();
    const theirs = world.sandbox.accounts.tenant.keyArn ?? "";
    const { accountId, principalArn, provisioningRoleArn } = world.sandbox.accounts.tenant;
    const named = { Effect: "Allow", Principal: { AWS: [principalArn, provisioningRoleArn] }, Action: "kms:*", Resource: "*" };
    await kms.send(
      new PutKeyPolicyCommand({
        KeyId: theirs,
        PolicyName: "default",
        Policy: JSON.stringify({ Version: "2012-10-17", Statement: [named] }),
      }),
    );
    const { operation, integration } = await world.put("acme", "granted", {
      ...body({ type: "SSE-KMS", kmsKeyArn: theirs }),
      parameters: { ...body({ type: "SSE-KMS", kmsKeyArn: theirs }).parameters, roleName: "Granted", externalId: "cf-granted-1f0e77" },
    });
    succeeded(operation);
    assert.deepEqual(integration.stacks.map(({ kind }) => kind).sort(), ["kms-key", "role"]);
    const grants = (await kms.send(new ListGrantsCommand({ KeyId: theirs }))).Grants ?? [];
    assert.deepEqual(
      grants.map((grant) => [grant.GranteePrincipal, [...(grant.Operations ?? [])].sort()]),
      [[`arn:aws:iam::${accountId}:role/Granted`, ["Decrypt", "Encrypt", "GenerateDataKey"]]],
    );
    succeeded(await world.destroy("acme", "granted"));
    assert.equal((await kms.send(new ListGrantsCommand({ KeyId: theirs }))).Grants?.length ?? 0, 0);
    const delegating = { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${accountId}:root` }, Action: "kms:*", Resource: "*" };
    await kms.send(
      new PutKeyPolicyCommand({
        KeyId: theirs,
        PolicyName: "default",
        Policy: JSON.stringify({ Version: "2012-10-17", Statement: [delegating] }),
      }),
    );
  });

  test("a created key: rotation on, aliased, the bucket's default where that was asked for, and listed", async () => {
    const { operation } = await world.put("acme", "cf", body(created));
    succeeded(operation);
    const [key, ...others] = await keys();
    assert.deepEqual(others, []);
    assert.deepEqual([key?.state, key?.integration], ["owned", "cf"]);
    keyArn = key?.keyArn ?? "";
    const { kms, s3 } = world.aws();
    assert.equal((await kms.send(new GetKeyRotationStatusCommand({ KeyId: keyArn }))).KeyRotationEnabled, true);
    const encryption = await s3.send(new GetBucketEncryptionCommand({ Bucket: bucket }));
    assert.equal(encryption.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.KMSMasterKeyID, keyArn);
  });

  test("its policy, description and rotation, changed by hand, are put back", async () => {
    const { kms } = world.aws();
    const policy = async () => JSON.parse((await kms.send(new GetKeyPolicyCommand({ KeyId: keyArn }))).Policy ?? "");
    const made = await policy();
    const stranger = { Effect: "Allow", Principal: { AWS: "arn:aws:iam::999999999999:root" }, Action: "kms:Decrypt", Resource: "*" };
    const Policy = JSON.stringify({ ...made, Statement: [...made.Statement, stranger] });
    await kms.send(new PutKeyPolicyCommand({ KeyId: keyArn, PolicyName: "default", Policy }));
    await kms.send(new UpdateKeyDescriptionCommand({ KeyId: keyArn, Description: "mine now" }));
    await kms.send(new DisableKeyRotationCommand({ KeyId: keyArn }));
    const route = "/v1/tenants/acme/integrations/cf/detect-drift";
    const answer = await world.api.call<{ operation: Operation }>("POST", route, { body: { remediate: true } });
    const found = await world.api.finished(answer.body.operation.id);
    succeeded(await world.api.finished(found.children?.[0] ?? ""));
    assert.deepEqual(await policy(), made);
    assert.notEqual((await kms.send(new DescribeKeyCommand({ KeyId: keyArn }))).KeyMetadata?.Description, "mine now");
    assert.equal((await kms.send(new GetKeyRotationStatusCommand({ KeyId: keyArn }))).KeyRotationEnabled, true);
  });

  test("a key in use isn't deleted", async () => {
    const [key] = await keys();
    const answer = await world.api.call<{ code: string }>("POST", `/v1/tenants/acme/keys/${key?.key}/delete`, {
      body: { confirm: key?.key },
    });
    assert.deepEqual([answer.status, answer.body.code], [409, "key_in_use"]);
  });

  test("DELETE keeps the key: the alias goes, the key is tagged and listed as retained", async () => {
    const operation = await world.destroy("acme", "cf");
    succeeded(operation);
    assert.match(JSON.stringify(operation.result), new RegExp(keyArn));
    const { kms } = world.aws();
    assert.equal((await kms.send(new DescribeKeyCommand({ KeyId: keyArn }))).KeyMetadata?.KeyState, "Enabled");
    const aliases = (await kms.send(new ListAliasesCommand({ KeyId: keyArn }))).Aliases ?? [];
    assert.deepEqual(aliases, []);
    assert.ok((await tags())["drawbridge:retained"]);
    assert.deepEqual(
      (await keys()).map(({ keyArn: arn, state }) => [arn, state]),
      [[keyArn, "retained"]],
    );
  });

  test("the next create of the same stack takes the same key in again", async () => {
    const { operation } = await world.put("acme", "cf", body(created));
    succeeded(operation);
    assert.deepEqual(
      (await keys()).map(({ keyArn: arn, state }) => [arn, state]),
      [[keyArn, "owned"]],
    );
    assert.equal((await tags())["drawbridge:retained"], undefined);
  });

  test("moving to another key retains the old one and keeps decrypting it while alsoDecrypt names it", async () => {
    const theirs = world.sandbox.accounts.tenant.keyArn ?? "";
    const { operation } = await world.put("acme", "cf", body({ type: "SSE-KMS", kmsKeyArn: theirs }, { alsoDecrypt: [keyArn] }));
    succeeded(operation);
    assert.deepEqual(
      (await keys()).map(({ keyArn: arn, state }) => [arn, state]),
      [[keyArn, "retained"]],
    );
    succeeded(await world.destroy("acme", "cf"));
  });

  test("only its own name deletes a retained key, after at least seven days", async () => {
    const [key] = await keys();
    const route = `/v1/tenants/acme/keys/${key?.key}/delete`;
    const wrong = await world.api.call<{ code: string }>("POST", route, { body: { confirm: "yes", days: 7 } });
    assert.deepEqual([wrong.status, wrong.body.code], [422, "confirmation_mismatch"]);
    assert.equal((await world.api.call("POST", route, { body: { confirm: key?.key, days: 1 } })).status, 400);
    const answer = await world.api.call<{ operation: Operation }>("POST", route, { body: { confirm: key?.key, days: 7 } });
    assert.equal(answer.status, 202);
    succeeded(await world.api.finished(answer.body.operation.id));
    assert.equal((await world.aws().kms.send(new DescribeKeyCommand({ KeyId: keyArn }))).KeyMetadata?.KeyState, "PendingDeletion");
    assert.equal((await keys())[0]?.state, "pending-deletion");
  });
});
