import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  AttachRolePolicyCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  ListRolePoliciesCommand,
  PutRolePolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from "@aws-sdk/client-iam";
import {
  DeleteAliasCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  ListGrantsCommand,
  PutKeyPolicyCommand,
  RevokeGrantCommand,
} from "@aws-sdk/client-kms";
import {
  DeleteBucketEncryptionCommand,
  DeleteBucketPolicyCommand,
  GetBucketPolicyCommand,
  PutBucketPolicyCommand,
} from "@aws-sdk/client-s3";
import { tenantThings } from "../../sandbox/accounts.ts";
import type { DriftRecord } from "../../src/model/drift.ts";
import type { Operation } from "../../src/model/operation.ts";
import { drawbridge } from "../cli/support.ts";
import { startWorld, type World } from "../support/world.ts";

const RoleName = "ConductorOneIntegration";
const externalId = "c1-5a2be07c93d14f86b7c0";
const route = "/v1/tenants/acme/integrations/c1";
type Seen = DriftRecord & { name: string };

describe("somebody edits by hand what we made", { concurrency: false }, () => {
  let world: World;
  let bucket: string;
  const body = (drift: string) => ({ blueprint: "conductorone-s3", parameters: { bucket, externalId }, settings: { drift } });
  const detect = async (body = {}): Promise<{ operation: Operation; seen: Seen }> => {
    const answer = await world.api.call<{ operation: Operation }>("POST", `${route}/detect-drift`, { body });
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    const operation = await world.api.finished(answer.body.operation.id);
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    const [seen] = (operation.result?.["integrations"] ?? []) as Seen[];
    assert.ok(seen);
    return { operation, seen };
  };
  const trustOf = async () => {
    const { Role } = await world.aws().iam.send(new GetRoleCommand({ RoleName }));
    return JSON.parse(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ""));
  };
  const setTrust = (document: unknown) =>
    world.aws().iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: JSON.stringify(document) }));
  const readAll = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "*" }] });

  before(async () => {
    world = await startWorld();
    bucket = tenantThings.plainBucket(world.sandbox.accounts.tenant.accountId);
    await world.tenant("acme");
    const { operation } = await world.put("acme", "c1", body("observe"));
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
  });
  after(() => world?.stop());

  test("nothing was edited: none, and nothing is written", async () => {
    const { operation, seen } = await detect();
    assert.deepEqual([seen.verdict, seen.access, seen.differences], ["none", "same", []]);
    assert.equal(operation.children, undefined);
    const { body } = await world.api.call<DriftRecord>("GET", `${route}/drift`);
    assert.equal(body.verdict, "none");
  });

  test("an added inline policy and an attached one are found as wider access, in words, and left alone under observe", async () => {
    const { iam } = world.aws();
    await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "Sneaky", PolicyDocument: readAll }));
    await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" }));
    const { operation, seen } = await detect();
    assert.deepEqual([seen.verdict, seen.access], ["found", "wider"]);
    assert.ok(seen.differences.some(({ words }) => words === "Inline policy Sneaky was added."));
    assert.ok(seen.differences.some(({ words }) => /AmazonS3ReadOnlyAccess was attached/.test(words)));
    assert.equal(operation.children, undefined);
    const command = await drawbridge(["drift", "acme"], {
      env: { DRAWBRIDGE_URL: world.service.url, DRAWBRIDGE_TOKEN: world.service.token },
    });
    assert.equal(command.exit, 3, command.err);
    assert.match(command.out, /acme\/c1 +found +wider/);
    await iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: "Sneaky" }));
    await iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn: "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" }));
    assert.equal((await detect()).seen.verdict, "none");
  });

  test("a removed condition is wider, a removed policy narrower, and another account wider", async () => {
    const made = await trustOf();
    const { Condition: _condition, ...open } = made.Statement[0];
    await setTrust({ ...made, Statement: [open] });
    assert.equal((await detect()).seen.access, "wider");
    await setTrust({
      ...made,
      Statement: [...made.Statement, { Effect: "Allow", Principal: { AWS: "arn:aws:iam::999999999999:root" }, Action: "sts:AssumeRole" }],
    });
    assert.equal((await detect()).seen.access, "wider");
    await setTrust(made);
    await world.aws().iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: "ConductorOnePermissions" }));
    const { seen } = await detect();
    assert.deepEqual([seen.verdict, seen.access], ["found", "narrower"]);
  });

  test("asked to, it repairs by an ordinary up that looks at the cloud first", async () => {
    const { operation } = await detect({ remediate: true });
    const [child = ""] = operation.children ?? [];
    const repair = await world.api.finished(child);
    assert.deepEqual([repair.kind, repair.state], ["up", "succeeded"], JSON.stringify(repair.error));
    const { PolicyNames } = await world.aws().iam.send(new ListRolePoliciesCommand({ RoleName }));
    assert.deepEqual(PolicyNames, ["ConductorOnePermissions"]);
    assert.equal((await detect()).seen.verdict, "none");
  });

  test("under remediate it repairs unasked, but the same edit a second time is said and held", async () => {
    await world.put("acme", "c1", body("remediate"));
    const sneak = () => world.aws().iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "Sneaky", PolicyDocument: readAll }));
    await sneak();
    // The repair above was minutes ago at most, so this one is asked for; what counts is that the same comes back.
    const first = await detect({ remediate: true });
    assert.equal((await world.api.finished(first.operation.children?.[0] ?? "")).state, "succeeded");
    assert.equal((await detect()).seen.verdict, "none");
    await sneak();
    const again = await detect();
    assert.equal(again.operation.children, undefined, "it isn't repaired again");
    assert.equal(again.seen.contested?.times, 1);
    const events = await world.api.call<{ items: { type: string; data: { why?: string } }[] }>(
      "GET",
      `/v1/operations/${again.operation.id}/events`,
    );
    assert.ok(events.body.items.some(({ type, data }) => type === "drift-not-repaired" && /came back/.test(data.why ?? "")));
    const asked = await detect({ remediate: true });
    assert.equal((await world.api.finished(asked.operation.children?.[0] ?? "")).state, "succeeded");
  });

  /** The verdict over one integration, as `access: words`. */
  const seenOf = async (name: string, body = {}): Promise<{ operation: Operation; access: string; words: string }> => {
    const answer = await world.api.call<{ operation: Operation }>("POST", `/v1/tenants/acme/integrations/${name}/detect-drift`, { body });
    const operation = await world.api.finished(answer.body.operation.id);
    const [seen] = (operation.result?.["integrations"] ?? []) as Seen[];
    assert.ok(seen, JSON.stringify(operation.error));
    return { operation, access: `${seen.verdict} ${seen.access}`, words: seen.differences.map(({ words }) => words).join("\n") };
  };
  const repaired = async (name: string) => {
    const { operation } = await seenOf(name, { remediate: true });
    const repair = await world.api.finished(operation.children?.[0] ?? "");
    assert.equal(repair.state, "succeeded", JSON.stringify(repair.error));
    assert.equal((await seenOf(name)).access, "none same");
  };
  const delivery = (encryption: object, more: object = {}) => ({
    blueprint: "creative-force-s3",
    parameters: { mode: "delivery", bucket, encryption, ...more },
  });

  test("a key of ours and a bucket's policy: what somebody takes away is found and put back", async () => {
    const encryption = { type: "SSE-KMS", createKey: true, applyBucketEncryption: true };
    const { operation } = await world.putApproved(
      "acme",
      "keyed",
      delivery(encryption, { bucketPolicy: "least", externalId: "cf-keyed-41c0d2e9" }),
    );
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    assert.equal((await seenOf("keyed")).access, "none same");
    const { kms, s3 } = world.aws();
    const keyArn = String((await world.api.call<{ items: { keyArn: string }[] }>("GET", "/v1/tenants/acme/keys")).body.items[0]?.keyArn);
    await kms.send(new DisableKeyCommand({ KeyId: keyArn }));
    const disabled = await seenOf("keyed");
    assert.deepEqual([disabled.access, /is Disabled/.test(disabled.words)], ["found narrower", true], disabled.words);
    await kms.send(new EnableKeyCommand({ KeyId: keyArn }));

    const { Policy = "" } = await s3.send(new GetBucketPolicyCommand({ Bucket: bucket }));
    const open = Policy.replace(/"Principal":\{"AWS":"[^"]+"\}/, '"Principal":{"AWS":"arn:aws:iam::999999999999:root"}');
    await s3.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: open }));
    assert.equal((await seenOf("keyed")).access, "found wider");
    await s3.send(new DeleteBucketPolicyCommand({ Bucket: bucket }));
    await s3.send(new DeleteBucketEncryptionCommand({ Bucket: bucket }));
    await kms.send(new DeleteAliasCommand({ AliasName: "alias/drawbridge/acme/keyed" }));
    const lost = await seenOf("keyed");
    for (const words of [/policy of bucket .* is gone/, /isn't encrypted with this key/, /doesn't lead to key/])
      assert.match(lost.words, words);
    await repaired("keyed");
  });

  test("a grant on the customer's key and a role, revoked and deleted: made again unasked, once in 15 minutes", async () => {
    const { kms, iam } = world.aws();
    const KeyId = world.sandbox.accounts.tenant.keyArn ?? "";
    const { principalArn, provisioningRoleArn } = world.sandbox.accounts.tenant;
    const named = { Effect: "Allow", Principal: { AWS: [principalArn, provisioningRoleArn] }, Action: "kms:*", Resource: "*" };
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [named] });
    await kms.send(new PutKeyPolicyCommand({ KeyId, PolicyName: "default", Policy }));
    const wanted = delivery({ type: "SSE-KMS", kmsKeyArn: KeyId }, { roleName: "Granted", externalId: "cf-granted-1f0e77" });
    const { operation } = await world.put("acme", "granted", { ...wanted, settings: { drift: "remediate" } });
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    const [grant] = (await kms.send(new ListGrantsCommand({ KeyId }))).Grants ?? [];
    await kms.send(new RevokeGrantCommand({ KeyId, GrantId: grant?.GrantId }));
    await iam.send(new DeleteRolePolicyCommand({ RoleName: "Granted", PolicyName: "CreativeForceS3" }));
    await iam.send(new DeleteRoleCommand({ RoleName: "Granted" }));
    const gone = await seenOf("granted");
    assert.match(`${gone.access}: ${gone.words}`, /^found narrower: .*Role Granted doesn't exist/s);
    assert.match(gone.words, /Grant .* is gone/);
    const repair = await world.api.finished(gone.operation.children?.[0] ?? "");
    assert.deepEqual([repair.kind, repair.state], ["up", "succeeded"], JSON.stringify(repair.error));
    assert.equal((await seenOf("granted")).access, "none same");

    await iam.send(new PutRolePolicyCommand({ RoleName: "Granted", PolicyName: "Sneaky", PolicyDocument: readAll }));
    const soon = await seenOf("granted");
    assert.deepEqual([soon.access, soon.operation.children], ["found wider", undefined], "another repair so soon is held");
  });

  test("an account that can't be entered is unknown, with its cause, and no failure", async () => {
    const trust = new UpdateAssumeRolePolicyCommand({
      RoleName: "DrawbridgeProvisioning",
      PolicyDocument: JSON.stringify({
        Version: "2012-10-17",
        Statement: [{ Effect: "Deny", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }],
      }),
    });
    await world.aws().iam.send(trust);
    const { seen } = await detect();
    assert.deepEqual([seen.verdict, seen.access], ["unknown", "unknown"]);
    assert.equal(seen.cause?.code, "account_unreachable");
  });
});
