import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { GetRoleCommand, GetRolePolicyCommand } from "@aws-sdk/client-iam";
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, PutBucketPolicyCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { asOutsider, assumeAs, asVendor } from "../../../sandbox/vendor.ts";
import type { StackPlan } from "../../../src/integrations/stacks/plan.ts";
import { readCases } from "../../blueprints/fixture.ts";
import { assertHandOff, liveAs, refused, succeeded, type VendorLifecycle } from "./vendor-lifecycle.ts";

const roleName = "LabraAce";
const aceBucket = "ace-apn-33333-prod-us-west-2";
const next = "labra-9Rw3Lm6Xs1Vd";

describe("Labra OppSync, whose policy comes from AWS weeks after the role", { concurrency: false }, () => {
  let lifecycle: VendorLifecycle;
  let untouched: unknown;
  let id: string | undefined;
  let externalId = "";
  const issued = readCases("labra").find(({ name }) => name === "vendor-policy")?.context.vendorPolicy;

  const session = async (withId?: string, as: "labra" | "outsider" = "labra") => {
    const credentials = as === "labra" ? await asVendor(lifecycle.sandbox, "labra") : asOutsider(lifecycle.sandbox);
    return assumeAs(lifecycle.sandbox, credentials, {
      roleArn: lifecycle.arn(roleName),
      sessionName: "oppsync",
      ...(withId && { externalId: withId }),
    });
  };

  before(async () => {
    lifecycle = await liveAs("labra", "awaiting-policy");
    externalId = lifecycle.fixture.context.externalIds[0] ?? "";
    const { s3 } = lifecycle.aws(asOutsider(lifecycle.sandbox)); // the account of ACE's bucket
    await s3.send(new CreateBucketCommand({ Bucket: aceBucket }));
    untouched = await lifecycle.inventory();
    // The account is Labra's by an administrator's word; one that isn't waits for an approval (test/attacks/in-the-account.test.ts).
    for (const name of ["labra", "outsider"] as const) {
      const principalArn = `arn:aws:iam::${lifecycle.sandbox.accounts[name].accountId}:root`;
      const listed = await lifecycle.api.call("PUT", `/v1/trusted-principals/${name}`, { body: { vendor: "labra", principalArn } });
      assert.equal(listed.status, 200);
    }
  });
  after(() => lifecycle?.stop());

  test("the role comes first: both the id and the policy are awaited, and nobody can assume it", async () => {
    const made = await lifecycle.up(lifecycle.fixture.parameters);
    assert.equal(made.handshake.state, "awaiting-external-id");
    assert.deepEqual(made.handshake.awaiting.map(({ what }) => what).sort(), ["externalId", "vendorPolicy"]);
    id = await lifecycle.roleId(roleName);
    await assert.rejects(session(externalId), refused);
  });

  test("with the id Labra's account gets in, and can do nothing yet", async () => {
    succeeded(await lifecycle.verb("external-id", { externalId }));
    const made = await lifecycle.read();
    assert.equal(made.handshake.state, "awaiting-vendor-policy");
    assertHandOff(made, lifecycle.fixture);
    const { s3 } = lifecycle.aws(await session(externalId));
    await assert.rejects(s3.send(new ListObjectsV2Command({ Bucket: aceBucket })), refused);
    await assert.rejects(session(), refused);
    await assert.rejects(session(externalId, "outsider"), refused);
  });

  test("after a restart as a newer release the policy is taken from the recorded state on: wrong ones refused, the right one word for word", async () => {
    const newer = new URL("./newer-release.ts", import.meta.url).href;
    await lifecycle.restart({ environment: { NODE_OPTIONS: `--import=${newer}` } });
    const { body: catalogue } = await lifecycle.api.call<{ items: { id: string; version: string }[] }>("GET", "/v1/blueprints");
    const versions = catalogue.items.filter(({ id: known }) => known === "labra-oppsync").map(({ version }) => version);
    assert.deepEqual(versions, ["1.1.0", "1.0.0"]);
    assert.equal((await lifecycle.read()).version, "1.0.0", "an integration stays with its version");
    const open = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: "*" }] };
    const answer = await lifecycle.api.call<{ code: string }>("POST", `${lifecycle.route}/vendor-policy`, { body: { document: open } });
    assert.deepEqual([answer.status, answer.body.code], [422, "vendor_policy_refused"]);
    succeeded(await lifecycle.verb("vendor-policy", { document: issued }));
    const made = await lifecycle.read();
    assert.equal(made.handshake.state, "trusted");
    assert.equal(await lifecycle.roleId(roleName), id);
    const attached = await lifecycle.aws().iam.send(new GetRolePolicyCommand({ RoleName: roleName, PolicyName: "AceBucketAccess" }));
    assert.deepEqual(JSON.parse(decodeURIComponent(attached.PolicyDocument ?? "")), issued);
  });

  test("a newer version of the blueprint is previewed, then an update like any other", async () => {
    const body = { blueprint: "labra-oppsync", version: "1.1.0", parameters: lifecycle.fixture.parameters };
    const asked = await lifecycle.api.call<{ operation: { id: string } }>("POST", `${lifecycle.route}/preview`, { body });
    const preview = await lifecycle.api.finished(asked.body.operation.id);
    succeeded(preview);
    const { stacks } = preview.result as { stacks: StackPlan[] };
    assert.deepEqual(
      stacks.map(({ changes }) => changes),
      [{ update: 1, same: stacks[0]?.changes.same ?? 0 }],
    );
    assert.equal((await lifecycle.read()).version, "1.0.0", "a preview changes nothing");
    const { operation, integration } = await lifecycle.put("acme", "ace", body);
    succeeded(operation);
    assert.deepEqual([integration.version, integration.handshake.state, integration.proof?.verdict], ["1.1.0", "trusted", "green"]);
    const { Role } = await lifecycle.aws().iam.send(new GetRoleCommand({ RoleName: roleName }));
    assert.ok(Role?.Tags?.some(({ Key, Value }) => Key === "release" && Value === "1.1.0"));
    assert.equal(Role?.RoleId, id);
  });

  test("parameters that the attached policy of ACE contradicts are refused, not ignored", async () => {
    const { headers } = await lifecycle.api.call("GET", lifecycle.route);
    const other = {
      aceBucket: "ace-apn-44444-prod-us-west-2",
      aceKmsKeyArn: "arn:aws:kms:us-west-2:111122223333:key/99999999-2222-3333-4444-555555555555",
    };
    const answer = await lifecycle.api.call<{ code: string; detail: string }>("PUT", lifecycle.route, {
      body: { blueprint: "labra-oppsync", parameters: { ...lifecycle.fixture.parameters, ...other } },
      headers: { "if-match": headers.get("etag") ?? "" },
    });
    assert.deepEqual([answer.status, answer.body.code], [422, "vendor_policy_refused"]);
    assert.match(answer.body.detail, /stays attached.*ace-apn-33333-prod-us-west-2, and not ace-apn-44444/);
  });

  test("Labra works on ACE's bucket once ACE's own policy lets the role in", async () => {
    const arn = `arn:aws:s3:::${aceBucket}`;
    // ACE names the role; of another account's principals the emulator knows only the account itself.
    const AWS = `arn:aws:iam::${lifecycle.sandbox.accounts.tenant.accountId}:root`;
    const statement = { Effect: "Allow", Principal: { AWS }, Action: "s3:*", Resource: [arn, `${arn}/*`] };
    const ace = lifecycle.aws(asOutsider(lifecycle.sandbox)).s3;
    await ace.send(
      new PutBucketPolicyCommand({ Bucket: aceBucket, Policy: JSON.stringify({ Version: "2012-10-17", Statement: [statement] }) }),
    );
    const { s3 } = lifecycle.aws(await session(externalId));
    await s3.send(new PutObjectCommand({ Bucket: aceBucket, Key: "opportunity-inbound/1.json", Body: "{}" }));
    const object = await s3.send(new GetObjectCommand({ Bucket: aceBucket, Key: "opportunity-inbound/1.json" }));
    assert.equal(await object.Body?.transformToString(), "{}");
    await assert.rejects(s3.send(new CreateBucketCommand({ Bucket: "not-allowed-here" })), refused);
  });

  test("the account that Labra works from changes in place, as do bucket and key", async () => {
    const ace = readCases("labra").find(({ name }) => name === "bucket-and-key")?.parameters ?? {};
    await lifecycle.up({ ...ace, labraAccountId: lifecycle.sandbox.accounts.outsider.accountId });
    await session(externalId, "outsider");
    await assert.rejects(session(externalId), refused);
    await lifecycle.up(lifecycle.fixture.parameters);
    await session(externalId);
    assert.equal(await lifecycle.roleId(roleName), id);
  });

  test("a second integration for staging knows its bucket from the start", async () => {
    const parameters = {
      environment: "staging",
      labraAccountId: lifecycle.sandbox.accounts.labra.accountId,
      aceBucket: "ace-apn-33333-beta-us-west-2",
      aceKmsKeyArn: "arn:aws:kms:us-west-2:111122223333:key/22222222-2222-3333-4444-555555555555",
      externalId: "labra-staging-4Hj7Pq",
    };
    const { operation, integration } = await lifecycle.put("acme", "ace-staging", { blueprint: "labra-oppsync", parameters });
    succeeded(operation);
    assert.equal(integration.handshake.state, "trusted");
    succeeded(await lifecycle.destroy("acme", "ace-staging"));
  });

  test("the id rotates, with both at work during the overlap", async () => {
    succeeded(await lifecycle.verb("external-id", { externalId: next, overlapMinutes: 30 }));
    await Promise.all([session(externalId), session(next)]);
    succeeded(await lifecycle.verb("external-id", { externalId: "labra-2Fk8Gh5Jc0Zp" }));
    await session("labra-2Fk8Gh5Jc0Zp");
    await assert.rejects(session(externalId), refused);
    await assert.rejects(session(next), refused);
    assert.equal(await lifecycle.roleId(roleName), id);
  });

  test("after the teardown the account is as it was", async () => {
    succeeded(await lifecycle.destroy("acme", "ace"));
    assert.deepEqual(await lifecycle.inventory(), untouched);
  });
});
