import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  DescribeKeyCommand,
  DisableKeyRotationCommand,
  GenerateDataKeyCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  ListAliasesCommand,
  ListGrantsCommand,
  ListResourceTagsCommand,
  PutKeyPolicyCommand,
  UpdateKeyDescriptionCommand,
} from "@aws-sdk/client-kms";
import {
  DeleteBucketEncryptionCommand,
  GetBucketEncryptionCommand,
  PutBucketEncryptionCommand,
  type ServerSideEncryptionByDefault,
  type ServerSideEncryptionRule,
} from "@aws-sdk/client-s3";
import { tenantThings } from "../../sandbox/accounts.ts";
import { createApi } from "../../sandbox/api.ts";
import { assumeAs, asVendor } from "../../sandbox/vendor.ts";
import type { KeyView } from "../../src/http/routes/keys.ts";
import type { Operation } from "../../src/model/operation.ts";
import { startRecordedWorld } from "../provisioning/recorded-world.ts";
import { settledOperation, type World } from "../support/world.ts";

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

  const encryption = async () => {
    const { s3 } = world.aws();
    const answer = await s3.send(new GetBucketEncryptionCommand({ Bucket: bucket })).catch(() => undefined);
    return answer?.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault;
  };
  const encryptWith = (rule: ServerSideEncryptionRule) =>
    world.aws().s3.send(new PutBucketEncryptionCommand({ Bucket: bucket, ServerSideEncryptionConfiguration: { Rules: [rule] } }));
  /** The customer's own choice for the bucket. */
  let prior: ServerSideEncryptionByDefault;

  before(async () => {
    world = await startRecordedWorld();
    prior = { SSEAlgorithm: "aws:kms", KMSMasterKeyID: world.sandbox.accounts.tenant.keyArn };
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

  test("an existing key whose policy doesn't delegate its use: a grant, which goes with the integration", async () => {
    const { kms } = world.aws();
    const theirs = world.sandbox.accounts.tenant.keyArn ?? "";
    const { accountId, principalArn } = world.sandbox.accounts.tenant;
    const root = { AWS: `arn:aws:iam::${accountId}:root` };
    // A customary split: the account's IAM administers the key, and who uses it is said in its policy.
    const administers = ["kms:Describe*", "kms:Get*", "kms:List*", "kms:Put*", "kms:CreateGrant", "kms:RevokeGrant"];
    const Statement = [
      { Effect: "Allow", Principal: root, Action: administers, Resource: "*" },
      { Effect: "Allow", Principal: { AWS: principalArn }, Action: "kms:*", Resource: "*" },
    ];
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
    await kms.send(new PutKeyPolicyCommand({ KeyId: theirs, PolicyName: "default", Policy }));
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

  test("a key whose policy lets us write it and grant nothing: a statement in it, once somebody else approved the plan", async () => {
    const { kms } = world.aws();
    const theirs = world.sandbox.accounts.tenant.keyArn ?? "";
    const { accountId, principalArn, provisioningRoleArn } = world.sandbox.accounts.tenant;
    const delegating = (await kms.send(new GetKeyPolicyCommand({ KeyId: theirs }))).Policy ?? "";
    const reads = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListGrants", "kms:ListResourceTags"];
    // Its owner's own spacing and order: all of it must be there again in the end.
    const before = JSON.stringify(
      {
        Version: "2012-10-17",
        Id: "theirs",
        Statement: [
          { Sid: "Owner", Effect: "Allow", Principal: { AWS: principalArn }, Action: "kms:*", Resource: "*" },
          {
            Effect: "Allow",
            Sid: "LetsDrawbridgeWriteIt",
            Principal: { AWS: [provisioningRoleArn] },
            Action: [...reads, "kms:PutKeyPolicy"],
            Resource: "*",
          },
        ],
      },
      null,
      3,
    );
    const putPolicy = (Policy: string) => kms.send(new PutKeyPolicyCommand({ KeyId: theirs, PolicyName: "default", Policy }));
    const policy = async () => (await kms.send(new GetKeyPolicyCommand({ KeyId: theirs }))).Policy ?? "";
    await putPolicy(before);
    const { parameters } = body({ type: "SSE-KMS", kmsKeyArn: theirs }, { roleName: "Stated", externalId: "cf-stated-2b81d0" });
    const route = "/v1/tenants/acme/integrations/stated";
    const asked = await world.api.call<{ operation: Operation }>("PUT", route, { body: { blueprint: "creative-force-s3", parameters } });
    const held = await settledOperation(world.api, asked.body.operation.id);
    assert.equal(held.state, "awaiting-approval", JSON.stringify(held.error));
    assert.match(JSON.stringify(held.result?.["reasons"]), /isn't ours, would get a statement/);
    assert.match(JSON.stringify(held.result?.["plan"]), /"document":"key-policy"/);
    assert.equal(await policy(), before);

    const own = { subject: "second-person", tenants: "*", scopes: ["read", "approve"] };
    const { body: made } = await world.api.call<{ key: string }>("POST", "/v1/keys", { body: own });
    const approver = createApi({ url: world.service.url, token: made.key });
    const approval = { body: { planHash: held.planHash } };
    assert.equal((await approver.call("POST", `/v1/operations/${held.id}/approve`, approval)).status, 200);
    succeeded(await world.api.finished(held.id));
    const [owner, lets, ours, ...others] = JSON.parse(await policy()).Statement;
    assert.deepEqual([owner, lets], JSON.parse(before).Statement);
    assert.deepEqual(others, []);
    assert.deepEqual(ours.Principal, { AWS: `arn:aws:iam::${accountId}:role/Stated` });
    assert.deepEqual(ours.Action, ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]);
    const vendor = await asVendor(world.sandbox, "creative-force");
    const roleArn = `arn:aws:iam::${accountId}:role/Stated`;
    const session = await assumeAs(world.sandbox, vendor, { roleArn, sessionName: "sync", externalId: "cf-stated-2b81d0" });
    await world.aws(session).kms.send(new GenerateDataKeyCommand({ KeyId: theirs, KeySpec: "AES_256" }));

    const again = { ...parameters, externalId: "cf-stated-9c40ee" };
    succeeded((await world.put("acme", "stated", { blueprint: "creative-force-s3", parameters: again })).operation);
    succeeded(await world.destroy("acme", "stated"));
    assert.equal(await policy(), before, "to the byte");
    await putPolicy(delegating);
  });

  test("a created key: rotation on, aliased, the bucket's default where that was asked for and approved, and listed", async () => {
    await encryptWith({ ApplyServerSideEncryptionByDefault: prior });
    const { operation } = await world.putApproved("acme", "cf", body(created));
    succeeded(operation);
    const [key, ...others] = await keys();
    assert.deepEqual(others, []);
    assert.deepEqual([key?.state, key?.integration], ["owned", "cf"]);
    keyArn = key?.keyArn ?? "";
    const { kms } = world.aws();
    assert.equal((await kms.send(new GetKeyRotationStatusCommand({ KeyId: keyArn }))).KeyRotationEnabled, true);
    assert.equal((await encryption())?.KMSMasterKeyID, keyArn);
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

  test("and the bucket has the default encryption that it had before", async () => {
    assert.deepEqual(await encryption(), prior);
  });

  test("the next create of the same stack takes the same key in again", async () => {
    const { operation } = await world.putApproved("acme", "cf", body(created));
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
    assert.deepEqual(await encryption(), prior, "the stack that encrypted the bucket is gone");
    succeeded(await world.destroy("acme", "cf"));
  });

  test("a default encryption that somebody chose meanwhile stays, and one that the bucket didn't have is taken away", async () => {
    const theirs = { SSEAlgorithm: "AES256" as const };
    succeeded((await world.putApproved("acme", "cf", body(created))).operation);
    await encryptWith({ ApplyServerSideEncryptionByDefault: theirs, BucketKeyEnabled: false });
    succeeded(await world.destroy("acme", "cf"));
    assert.deepEqual(await encryption(), theirs);
    await world.aws().s3.send(new DeleteBucketEncryptionCommand({ Bucket: bucket }));
    succeeded((await world.putApproved("acme", "cf", body(created))).operation);
    assert.equal((await encryption())?.KMSMasterKeyID, keyArn);
    succeeded(await world.destroy("acme", "cf"));
    assert.notEqual((await encryption())?.SSEAlgorithm, "aws:kms");
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
