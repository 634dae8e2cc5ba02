import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  AttachRolePolicyCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  IAMClient,
  PutRolePolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from "@aws-sdk/client-iam";
import { DescribeKeyCommand, KMSClient, ListGrantsCommand } from "@aws-sdk/client-kms";
import { CreateBucketCommand, GetBucketPolicyCommand, S3Client } from "@aws-sdk/client-s3";
import { accountIds, sandboxRegion, tenantThings } from "../../sandbox/accounts.ts";
import { type Emulator, startEmulator } from "../../sandbox/ministack.ts";
import { type Seeded, seed } from "../../sandbox/seed.ts";
import type { Properties } from "../../sandbox/stand-in/values.ts";
import { asTenantAdmin } from "../../sandbox/vendor.ts";
import { initFailureOf, type Plugin, startPlugin } from "./plugin-client.ts";

let folder: string;
let emulator: Emulator;
let seeded: Seeded;
let keyArn: string;
let env: Record<string, string>;
let plugin: Plugin;
let iam: IAMClient;
let s3: S3Client;
let kms: KMSClient;

const role = "aws:iam/role:Role";
const rolePolicy = "aws:iam/rolePolicy:RolePolicy";
const attachment = "aws:iam/rolePolicyAttachment:RolePolicyAttachment";
const audit = "arn:aws:iam::aws:policy/SecurityAudit";
const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const closed = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Sid: "Closed", Effect: "Deny", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }],
});
const reads = (bucket: string) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: ["s3:GetObject"], Resource: `arn:aws:s3:::${bucket}/*` }],
  });

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-stand-in-"));
  emulator = await startEmulator({ dataDir: folder, log: () => undefined });
  seeded = await seed(emulator.endpoint);
  const { accessKeyId, secretAccessKey } = seeded.accounts.tenant;
  keyArn = seeded.accounts.tenant.keyArn ?? "";
  const credentials = path.join(folder, "credentials");
  await writeFile(credentials, `[target]\naws_access_key_id=${accessKeyId}\naws_secret_access_key=${secretAccessKey}\n`, { mode: 0o600 });
  env = { AWS_ENDPOINT_URL: emulator.endpoint, AWS_SHARED_CREDENTIALS_FILE: credentials, AWS_CONFIG_FILE: "/dev/null" };
  plugin = await startPlugin(env);
  await plugin.configure({
    profile: "target",
    region: sandboxRegion,
    s3UsePathStyle: "true",
    defaultTags: JSON.stringify({ tags: { By: "provider" } }),
  });
  const client = {
    endpoint: emulator.endpoint,
    region: sandboxRegion,
    credentials: asTenantAdmin({ awsEndpoint: emulator.endpoint, accounts: seeded.accounts }),
  };
  [iam, s3, kms] = [new IAMClient(client), new S3Client({ ...client, forcePathStyle: true }), new KMSClient(client)];
});

after(async () => {
  await plugin?.stop();
  await emulator?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Check and create in one go, as an update does. */
async function make(token: string, news: Properties): Promise<{ id: string; inputs: Properties; properties: Properties }> {
  const { inputs, refusals } = await plugin.check(token, news);
  assert.deepEqual(refusals, []);
  return { inputs, ...(await plugin.create(token, inputs)) };
}

describe("configuration", () => {
  const configured = async (config: Properties, more: Record<string, string> = {}) => {
    const other = await startPlugin({ ...env, ...more });
    try {
      const refusals = await other.checkConfig(config);
      await other.configure(config);
      return refusals;
    } finally {
      await other.stop();
    }
  };

  test("an endpoint that is not on this machine is refused before anything is called", async () => {
    const elsewhere = /works only against an emulator on this machine/;
    await assert.rejects(
      configured({ profile: "target", region: sandboxRegion }, { AWS_ENDPOINT_URL: "https://iam.amazonaws.com" }),
      elsewhere,
    );
    await assert.rejects(
      configured({ profile: "target", region: sandboxRegion }, { AWS_ENDPOINT_URL_KMS: "http://10.0.0.1:4566" }),
      elsewhere,
    );
    await assert.rejects(
      configured({ profile: "target", region: sandboxRegion, endpoints: JSON.stringify([{ s3: "http://127.0.0.1.example.com" }]) }),
      elsewhere,
    );
  });

  test("an account outside allowedAccountIds is refused by its number", async () => {
    const config = { profile: "target", region: sandboxRegion, allowedAccountIds: JSON.stringify(["999999999999"]) };
    await assert.rejects(configured(config), new RegExp(`AWS account ID not allowed: ${accountIds.tenant}`));
  });

  test("a profile that isn't in the credentials file is refused when the configuration is checked", async () => {
    const other = await startPlugin(env);
    const [refusal] = await other.checkConfig({ profile: "nobody", region: sandboxRegion });
    await other.stop();
    assert.match(refusal ?? "", /unable to validate AWS credentials/);
  });

  test("the three invokes answer from the account, others are refused", async () => {
    assert.equal((await plugin.invoke("aws:index/getCallerIdentity:getCallerIdentity"))["accountId"], accountIds.tenant);
    assert.equal((await plugin.invoke("aws:index/getPartition:getPartition"))["partition"], "aws");
    assert.equal((await plugin.invoke("aws:index/getRegion:getRegion"))["region"], sandboxRegion);
    await assert.rejects(plugin.invoke("aws:s3/getBucket:getBucket"), /doesn't know the function/);
  });

  test("the process ends on SIGTERM", async () => {
    const other = await startPlugin(env);
    await other.stop();
    assert.equal(other.process.exitCode, 0);
  });
});

describe("check and diff", () => {
  test("an unknown type and an unknown input are refused", async () => {
    await assert.rejects(plugin.check("aws:ec2/vpc:Vpc", {}), /doesn't know the type aws:ec2\/vpc:Vpc/);
    const { refusals } = await plugin.check(role, { assumeRolePolicy: closed, inlinePolicies: [] });
    assert.match(refusals[0] ?? "", /doesn't know the input 'inlinePolicies'/);
  });

  test("defaults, the automatic name and tagsAll are filled in and listed", async () => {
    const { inputs } = await plugin.check(role, { assumeRolePolicy: closed, tags: { Team: "a" } });
    assert.match(String(inputs["name"]), /^thing-[0-9a-f]{7}$/);
    assert.deepEqual(inputs["__defaults"], ["forceDetachPolicies", "maxSessionDuration", "name", "path"]);
    assert.deepEqual(inputs["tagsAll"], { By: "provider", Team: "a" });
    const again = await plugin.check(role, { assumeRolePolicy: closed }, inputs);
    assert.equal(again.inputs["name"], inputs["name"]);
  });

  test("a policy given as an object becomes text, a broken one is refused, an unknown one passes", async () => {
    const { inputs } = await plugin.check(role, { assumeRolePolicy: JSON.parse(closed) as Properties });
    assert.deepEqual(JSON.parse(String(inputs["assumeRolePolicy"])), JSON.parse(closed));
    assert.match((await plugin.check(role, { assumeRolePolicy: "{" })).refusals[0] ?? "", /contains an invalid JSON policy/);
    assert.deepEqual((await plugin.check(role, { assumeRolePolicy: unknown })).refusals, []);
  });

  test("a name that is too long and a missing input are refused", async () => {
    assert.match((await plugin.check(role, { assumeRolePolicy: closed, name: "x".repeat(65) })).refusals[0] ?? "", /1 - 64/);
    assert.match((await plugin.check(role, {})).refusals[0] ?? "", /Missing required property 'assumeRolePolicy'/);
  });

  test("a type of a region gets the provider's region", async () => {
    const { inputs } = await plugin.check("aws:s3/bucketPolicy:BucketPolicy", { bucket: "b", policy: "{}" });
    assert.equal(inputs["region"], sandboxRegion);
  });

  test("a changed explicit name replaces the role, old one first; an automatic one leaves the new one first", async () => {
    const stored = { name: "a", path: "/", maxSessionDuration: 3600, assumeRolePolicy: closed };
    const explicit = (await plugin.check(role, { name: "b", assumeRolePolicy: closed })).inputs;
    assert.deepEqual(await plugin.diff(role, stored, explicit), {
      changed: ["name", "tagsAll"],
      replaces: ["name"],
      deleteBeforeReplace: true,
    });
    const automatic = (await plugin.check(role, { path: "/x/", assumeRolePolicy: closed })).inputs;
    const moved = await plugin.diff(role, { ...stored, name: automatic["name"] ?? "", tagsAll: { By: "provider" } }, automatic);
    assert.deepEqual(moved, { changed: ["path"], replaces: ["path"], deleteBeforeReplace: false });
  });

  test("an attachment always goes before its replacement comes", async () => {
    const changed = await plugin.diff(attachment, { role: "a", policyArn: audit }, { role: "b", policyArn: audit });
    assert.deepEqual(changed, { changed: ["role"], replaces: ["role"], deleteBeforeReplace: true });
  });

  test("a list of names has no order, an equivalent policy is no difference", async () => {
    const exclusive = "aws:iam/rolePoliciesExclusive:RolePoliciesExclusive";
    assert.deepEqual(
      (await plugin.diff(exclusive, { roleName: "r", policyNames: ["a", "b"] }, { roleName: "r", policyNames: ["b", "a"] })).changed,
      [],
    );
    const other = JSON.stringify({
      Statement: { Resource: "arn:aws:s3:::b/*", Action: "s3:GetObject", Effect: "allow" },
      Version: "2012-10-17",
    });
    assert.deepEqual(
      (await plugin.diff(rolePolicy, { role: "r", name: "p", policy: reads("b") }, { role: "r", name: "p", policy: other })).changed,
      [],
    );
    assert.deepEqual(
      (await plugin.diff(rolePolicy, { role: "r", name: "p", policy: reads("b") }, { role: "r", name: "p", policy: reads("c") })).changed,
      ["policy"],
    );
  });

  test("an alias is the same with a key's ARN and with its id; a KMS policy that is left out is no difference", async () => {
    const stored = { name: "alias/a", targetKeyId: "1234", region: sandboxRegion };
    const wanted = { name: "alias/a", targetKeyId: `arn:aws:kms:us-east-1:${accountIds.tenant}:key/1234`, region: sandboxRegion };
    assert.deepEqual((await plugin.diff("aws:kms/alias:Alias", stored, wanted)).changed, []);
    assert.deepEqual(
      (await plugin.diff("aws:kms/key:Key", { policy: closed, description: "x", isEnabled: true }, { isEnabled: true })).changed,
      [],
    );
  });

  test("a preview plans what AWS computes as unknown and calls nothing", async () => {
    const { inputs } = await plugin.check(role, { name: "Previewed", assumeRolePolicy: closed });
    const { id, properties } = await plugin.create(role, inputs, true);
    assert.equal(id, "");
    assert.equal(properties["arn"], unknown);
    assert.equal(properties["name"], "Previewed");
    await assert.rejects(iam.send(new GetRoleCommand({ RoleName: "Previewed" })), { name: "NoSuchEntityException" });
  });
});

describe("roles", () => {
  test("a role is made, read, changed in place and taken away", async () => {
    const made = await make(role, { name: "Whole", assumeRolePolicy: closed, description: "first", tags: { Team: "a" } });
    assert.equal(made.id, "Whole");
    assert.match(String(made.properties["uniqueId"]), /^AROA/);
    assert.deepEqual(made.properties["tags"], { Team: "a" });
    const { inputs } = await plugin.check(
      role,
      { name: "Whole", assumeRolePolicy: closed, description: "second", maxSessionDuration: 7200 },
      made.inputs,
    );
    const changed = await plugin.update(role, made.id, made.properties, inputs);
    assert.equal(changed["uniqueId"], made.properties["uniqueId"]);
    const { Role } = await iam.send(new GetRoleCommand({ RoleName: "Whole" }));
    assert.equal(Role?.Description, "second");
    assert.equal(Role?.MaxSessionDuration, 7200);
    assert.deepEqual(Role?.Tags, [{ Key: "By", Value: "provider" }]);
    await plugin.delete(role, made.id, changed);
    assert.equal((await plugin.read(role, made.id, changed, inputs)).id, "");
    await plugin.delete(role, made.id, changed);
  });

  test("a refresh shows a foreign trust and keeps the old text of an equivalent one", async () => {
    const made = await make(role, { name: "Refreshed", assumeRolePolicy: closed });
    const reordered = JSON.stringify({
      Statement: [{ Action: ["sts:AssumeRole"], Principal: { AWS: ["*"] }, Effect: "Deny", Sid: "Closed" }],
      Version: "2012-10-17",
    });
    await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: "Refreshed", PolicyDocument: reordered }));
    const same = await plugin.read(role, made.id, made.properties, made.inputs);
    assert.equal(same.properties["assumeRolePolicy"], made.properties["assumeRolePolicy"]);
    assert.equal(same.inputs["assumeRolePolicy"], closed);
    await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: "Refreshed", PolicyDocument: closed.replace("Deny", "Allow") }));
    const drifted = await plugin.read(role, made.id, made.properties, made.inputs);
    assert.match(String(drifted.inputs["assumeRolePolicy"]), /"Effect":"Allow"/);
    assert.deepEqual((await plugin.diff(role, drifted.properties, made.inputs)).changed, ["assumeRolePolicy"]);
    await plugin.delete(role, made.id, made.properties);
  });

  test("a role with a foreign policy goes only by force or after a refresh has seen it", async () => {
    const made = await make(role, { name: "Crowded", assumeRolePolicy: closed });
    await iam.send(new AttachRolePolicyCommand({ RoleName: "Crowded", PolicyArn: audit }));
    await assert.rejects(
      plugin.delete(role, made.id, made.properties),
      /deleting IAM Role \(Crowded\): operation error IAM: DeleteRole.*DeleteConflict/s,
    );
    const seen = await plugin.read(role, made.id, made.properties, made.inputs);
    assert.deepEqual(seen.properties["managedPolicyArns"], [audit]);
    await plugin.delete(role, made.id, seen.properties);
    await assert.rejects(iam.send(new GetRoleCommand({ RoleName: "Crowded" })), { name: "NoSuchEntityException" });
  });

  test("a role that is there already is a plain failure in the plugin's words: nothing is saved", async () => {
    const made = await make(role, { name: "Twice", assumeRolePolicy: closed });
    const error = await plugin.create(role, made.inputs).catch((failure: unknown) => failure);
    assert.match(
      String(error),
      /creating IAM Role \(Twice\): operation error IAM: CreateRole, https response error StatusCode: 409, RequestID: .*, EntityAlreadyExists: /,
    );
    assert.equal(initFailureOf(error), undefined);
    await plugin.delete(role, made.id, made.properties);
  });

  test("an import reads inputs from AWS, of an unknown name nothing", async () => {
    const made = await make(role, { name: "Imported", assumeRolePolicy: closed, description: "d" });
    const imported = await plugin.read(role, "Imported");
    assert.equal(imported.inputs["description"], "d");
    assert.deepEqual((await plugin.diff(role, imported.properties, made.inputs)).changed, []);
    assert.equal((await plugin.read(role, "NobodyAtAll")).id, "");
    await plugin.delete(role, made.id, made.properties);
  });

  test("inline policies, attachments and both exclusive types keep to what is wanted", async () => {
    const made = await make(role, { name: "Exclusive", assumeRolePolicy: closed });
    const inline = await make(rolePolicy, { role: "Exclusive", name: "read", policy: reads("b") });
    assert.equal(inline.id, "Exclusive:read");
    assert.match(String(inline.properties["policy"]), /^\{"Version":"2012-10-17"/);
    const attached = await make(attachment, { role: "Exclusive", policyArn: audit });
    assert.equal(attached.id, `Exclusive/${audit}`);
    await iam.send(new PutRolePolicyCommand({ RoleName: "Exclusive", PolicyName: "extra", PolicyDocument: reads("c") }));
    const inlineOnly = "aws:iam/rolePoliciesExclusive:RolePoliciesExclusive";
    const only = await make(inlineOnly, { roleName: "Exclusive", policyNames: ["read"] });
    assert.deepEqual(only.properties["policyNames"], ["read"]);
    const attachedOnly = "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive";
    const none = await make(attachedOnly, { roleName: "Exclusive", policyArns: [] });
    assert.deepEqual(none.properties["policyArns"], []);
    assert.equal((await plugin.read(attachment, attached.id, attached.properties)).id, "");
    await plugin.delete(attachedOnly, none.id, none.properties);
    await plugin.delete(inlineOnly, only.id, only.properties);
    await plugin.delete(rolePolicy, inline.id, inline.properties);
    await iam.send(new DetachRolePolicyCommand({ RoleName: "Exclusive", PolicyArn: audit })).catch(() => undefined);
    await plugin.delete(role, made.id, made.properties);
  });

  test("an update of a role that is gone says so and advises a refresh", async () => {
    const made = await make(rolePolicy, {
      role: (await make(role, { name: "Vanishing", assumeRolePolicy: closed })).id,
      name: "p",
      policy: reads("b"),
    });
    await iam.send(new DeleteRolePolicyCommand({ RoleName: "Vanishing", PolicyName: "p" }));
    await iam.send(new DeleteRoleCommand({ RoleName: "Vanishing" }));
    const error = await plugin
      .update(rolePolicy, made.id, made.properties, { ...made.inputs, policy: reads("c") })
      .catch((failure: unknown) => failure);
    assert.match(String(error), /putting IAM Role \(Vanishing\) Policy \(p\): .*NoSuchEntity/);
    assert.equal(initFailureOf(error)?.id, "Vanishing:p");
  });

  test("a customer managed policy gets new versions, at most five, and goes with them", async () => {
    const token = "aws:iam/policy:Policy";
    let { id, inputs, properties } = await make(token, { name: "Managed", policy: reads("b0") });
    assert.equal(id, `arn:aws:iam::${accountIds.tenant}:policy/Managed`);
    for (const bucket of ["b1", "b2", "b3", "b4", "b5", "b6"]) {
      inputs = { ...inputs, policy: reads(bucket) };
      properties = await plugin.update(token, id, properties, inputs);
    }
    assert.match(String(properties["policy"]), /b6/);
    await plugin.delete(token, id, properties);
    assert.equal((await plugin.read(token, id, properties, inputs)).id, "");
  });
});

describe("faults", () => {
  test("a fault before the call saves nothing, one after it saves the role with the reason, and the next update mends it", async () => {
    const faulty = await startPlugin({ ...env, DRAWBRIDGE_STAND_IN_FAIL: `${rolePolicy}:create, ${role}:create:after` });
    try {
      await faulty.configure({ profile: "target", region: sandboxRegion });
      const policyError = await faulty
        .create(rolePolicy, { role: "x", name: "p", policy: reads("b") })
        .catch((failure: unknown) => failure);
      assert.match(String(policyError), /the test asked that create of aws:iam\/rolePolicy:RolePolicy fails/);
      assert.equal(initFailureOf(policyError), undefined);
      const { inputs } = await faulty.check(role, { name: "Half", assumeRolePolicy: closed });
      const error = await faulty.create(role, inputs).catch((failure: unknown) => failure);
      const failure = initFailureOf(error);
      assert.equal(failure?.id, "Half");
      assert.match(failure?.reasons[0] ?? "", /creating urn:.*the test asked/s);
      const mended = await faulty.update(role, "Half", failure?.properties ?? {}, inputs);
      assert.match(String(mended["uniqueId"]), /^AROA/);
      await faulty.delete(role, "Half", mended);
    } finally {
      await faulty.stop();
    }
  });
});

describe("the end of a stand-in", () => {
  test("killed while a create hangs after AWS did it, it leaves a role that nobody recorded", async () => {
    const hanging = await startPlugin({ ...env, DRAWBRIDGE_STAND_IN_FAIL: `${role}:create:hang-after` });
    await hanging.configure({ profile: "target", region: sandboxRegion });
    const { inputs } = await hanging.check(role, { name: "Orphan", assumeRolePolicy: closed });
    const creating = assert.rejects(hanging.create(role, inputs));
    const isThere = () =>
      iam.send(new GetRoleCommand({ RoleName: "Orphan" })).then(
        () => true,
        () => false,
      );
    for (let tries = 0; tries < 100 && !(await isThere()); tries++) await sleep(50);
    await hanging.stop();
    await creating;
    assert.equal(await isThere(), true);
    await iam.send(new DeleteRoleCommand({ RoleName: "Orphan" }));
  });

  test("it ends when the engine that started it is gone", async () => {
    const main = path.join(import.meta.dirname, "../../sandbox/stand-in/main.ts");
    const code = `const child = require("node:child_process").spawn(process.execPath, [${JSON.stringify(main)}], { stdio: ["ignore", "pipe", "ignore"] });
      child.stdout.once("data", () => { console.log(child.pid); process.exit(0); });`;
    const engine = spawn(process.execPath, ["--input-type=commonjs", "--eval", code], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(createInterface(engine.stdout), "line")) as [string];
    const isAlive = () => {
      try {
        return process.kill(Number(line), 0);
      } catch {
        return false;
      }
    };
    for (let tries = 0; tries < 100 && isAlive(); tries++) await sleep(100);
    assert.equal(isAlive(), false);
  });
});

describe("buckets and keys", () => {
  test("a bucket policy replaces the whole document, and its delete leaves none", async () => {
    const token = "aws:s3/bucketPolicy:BucketPolicy";
    const bucket = "stand-in-policy";
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    const document = (sid: string) =>
      JSON.stringify({
        Version: "2012-10-17",
        Statement: [
          {
            Sid: sid,
            Effect: "Allow",
            Principal: { AWS: accountIds.tenant },
            Action: "s3:GetObject",
            Resource: `arn:aws:s3:::${bucket}/*`,
          },
        ],
      });
    const made = await make(token, { bucket, policy: document("A") });
    assert.deepEqual([made.id, made.properties["region"]], [bucket, sandboxRegion]);
    assert.deepEqual((await plugin.diff(token, made.properties, made.inputs)).changed, []);
    const changed = await plugin.update(token, bucket, made.properties, { ...made.inputs, policy: document("B") });
    assert.match((await s3.send(new GetBucketPolicyCommand({ Bucket: bucket }))).Policy ?? "", /"B"/);
    await plugin.delete(token, bucket, changed);
    await assert.rejects(s3.send(new GetBucketPolicyCommand({ Bucket: bucket })), { name: "NoSuchBucketPolicy" });
    assert.equal((await plugin.read(token, bucket, changed, made.inputs)).id, "");
    await plugin.delete(token, bucket, changed);
  });

  test("a bucket's default encryption is set, read without a difference, and reset", async () => {
    const token = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
    const bucket = tenantThings.plainBucket(accountIds.tenant);
    const rules = [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: keyArn }, bucketKeyEnabled: true }];
    const made = await make(token, { bucket, rules });
    assert.deepEqual((await plugin.diff(token, made.properties, made.inputs)).changed, []);
    const other = [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }];
    assert.deepEqual((await plugin.diff(token, made.properties, { ...made.inputs, rules: other })).changed, ["rules"]);
    await plugin.delete(token, made.id, made.properties);
    assert.match(
      (await plugin.check(token, { bucket, rules: [{ blockedEncryptionTypes: ["SSE-C"] }] })).refusals[0] ?? "",
      /blockedEncryptionTypes/,
    );
  });

  test("a key is made with rotation and tags, changed in place, and gone once its deletion is scheduled", async () => {
    const token = "aws:kms/key:Key";
    const made = await make(token, { description: "first", enableKeyRotation: true, tags: { Team: "a" }, deletionWindowInDays: 7 });
    assert.equal(made.properties["enableKeyRotation"], true);
    assert.deepEqual(made.properties["tagsAll"], { By: "provider", Team: "a" });
    assert.deepEqual((await plugin.diff(token, made.properties, made.inputs)).changed, []);
    const changed = await plugin.update(token, made.id, made.properties, { ...made.inputs, description: "second" });
    assert.equal(changed["description"], "second");
    const imported = await plugin.read(token, made.id);
    assert.deepEqual(imported.inputs["tags"], { Team: "a" });
    await plugin.delete(token, made.id, changed);
    await plugin.delete(token, made.id, changed);
    assert.equal((await kms.send(new DescribeKeyCommand({ KeyId: made.id }))).KeyMetadata?.KeyState, "PendingDeletion");
    assert.equal((await plugin.read(token, made.id, changed, made.inputs)).id, "");
  });

  test("an alias points to a key and can be pointed elsewhere in place", async () => {
    const token = "aws:kms/alias:Alias";
    const made = await make(token, { name: "alias/stand-in", targetKeyId: keyArn });
    assert.equal(made.properties["targetKeyArn"], keyArn);
    assert.deepEqual((await plugin.diff(token, made.properties, made.inputs)).changed, []);
    const other = await make("aws:kms/key:Key", {});
    const moved = await plugin.update(token, made.id, made.properties, { ...made.inputs, targetKeyId: other.id });
    assert.equal(moved["targetKeyId"], other.id);
    await plugin.delete(token, made.id, moved);
    assert.equal((await plugin.read(token, made.id, moved, made.inputs)).id, "");
  });

  test("a grant is made with a secret token, kept over a refresh, and revoked", async () => {
    const token = "aws:kms/grant:Grant";
    const granteePrincipal = `arn:aws:iam::${accountIds.tenant}:role/${tenantThings.provisioningRole}`;
    const made = await make(token, { name: "g", keyId: keyArn, granteePrincipal, operations: ["GenerateDataKey", "Decrypt"] });
    assert.equal(made.id, `${keyArn}:${made.properties["grantId"]}`);
    assert.equal((made.properties["grantToken"] as Properties)["4dabf18193072939515e22adb298388d"], "1b47061264138c4ac30d75fd1eb44270");
    assert.deepEqual((await plugin.diff(token, made.properties, made.inputs)).changed, []);
    assert.deepEqual((await plugin.diff(token, made.properties, { ...made.inputs, operations: ["Decrypt"] })).replaces, ["operations"]);
    const refreshed = await plugin.read(token, made.id, { ...made.properties, grantToken: "plain" }, made.inputs);
    assert.equal(refreshed.properties["grantToken"], "plain");
    await plugin.delete(token, made.id, made.properties);
    assert.deepEqual((await kms.send(new ListGrantsCommand({ KeyId: keyArn }))).Grants, []);
    assert.equal((await plugin.read(token, made.id, made.properties, made.inputs)).id, "");
  });
});
