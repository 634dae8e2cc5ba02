import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { createApi } from "../../../sandbox/api.ts";
import { asOutsider, assumeAs, asVendor } from "../../../sandbox/vendor.ts";
import type { Operation } from "../../../src/model/operation.ts";
import { readCases } from "../../blueprints/fixture.ts";
import { assertHandOff, liveAs, refused, succeeded, type VendorLifecycle } from "./vendor-lifecycle.ts";

const roleName = "CreativeForceDelivery";

describe("Creative Force, as a data source and as a delivery", { concurrency: false }, () => {
  let lifecycle: VendorLifecycle;
  let untouched: unknown;
  let id: string | undefined;
  let first = "";
  let keyArn = "";
  const delivery = () => ({ ...lifecycle.fixture.parameters, encryption: { type: "SSE-KMS", kmsKeyArn: keyArn }, alsoDecrypt: [] });
  const session = async (externalId?: string, role = roleName) =>
    assumeAs(lifecycle.sandbox, await asVendor(lifecycle.sandbox, "creative-force"), {
      roleArn: lifecycle.arn(role),
      sessionName: "gamma",
      ...(externalId && { externalId }),
    });

  before(async () => {
    lifecycle = await liveAs("creative-force", "delivery-existing-key", { "acme-product-shots": ["a.jpg"], "acme-archive": ["old.jpg"] });
    untouched = await lifecycle.inventory();
    first = lifecycle.fixture.context.externalIds[0] ?? "";
    keyArn = lifecycle.sandbox.accounts.tenant.keyArn ?? "";
  });
  after(() => lifecycle?.stop());

  test("a delivery with the account's own key is made and proven; the hand-off is the fixture's", async () => {
    const made = await lifecycle.up(delivery(), first);
    assert.equal(made.handshake.state, "trusted");
    assert.deepEqual(made.stacks.map(({ kind }) => kind).sort(), ["bucket-policy", "role"]);
    id = await lifecycle.roleId(roleName);
    const [theirs = ""] = JSON.stringify(lifecycle.fixture.handOff).match(/arn:aws:kms:[^"]+/) ?? [];
    assertHandOff(made, lifecycle.fixture, { [theirs]: keyArn });
  });

  test("Creative Force delivers and reads, and gets into nothing else", async () => {
    const { s3 } = lifecycle.aws(await session(first));
    await s3.send(new PutObjectCommand({ Bucket: "acme-product-shots", Key: "b.jpg", Body: "b" }));
    await s3.send(new GetObjectCommand({ Bucket: "acme-product-shots", Key: "a.jpg" }));
    await assert.rejects(s3.send(new GetObjectCommand({ Bucket: "acme-archive", Key: "old.jpg" })), refused);
    await assert.rejects(session(), refused);
    const stranger = assumeAs(lifecycle.sandbox, asOutsider(lifecycle.sandbox), {
      roleArn: lifecycle.arn(roleName),
      sessionName: "x",
      externalId: first,
    });
    await assert.rejects(stranger, refused);
  });

  test("a second integration reads another bucket of the account, each its own only", async () => {
    const source = readCases("creative-force").find(({ name }) => name === "data-source-sse-s3");
    const parameters = { ...source?.parameters, bucket: "acme-archive", externalId: "cf-archive-81d0c2f7" };
    const { operation, integration } = await lifecycle.put("acme", "archive", { blueprint: "creative-force-s3", parameters });
    succeeded(operation);
    assert.ok(source);
    const own = source.handOff.map((field) => (field.sensitive ? { ...field, value: "cf-archive-81d0c2f7" } : field));
    assertHandOff(integration, { ...source, handOff: own }, { "acme-product-shots": "acme-archive" });
    const { s3 } = lifecycle.aws(await session("cf-archive-81d0c2f7", "CreativeForceSource"));
    await s3.send(new GetObjectCommand({ Bucket: "acme-archive", Key: "old.jpg" }));
    await assert.rejects(s3.send(new GetObjectCommand({ Bucket: "acme-product-shots", Key: "a.jpg" })), refused);
    await assert.rejects(s3.send(new PutObjectCommand({ Bucket: "acme-archive", Key: "x", Body: "x" })), refused);
    succeeded(await lifecycle.destroy("acme", "archive"));
  });

  test("mode, bucket, encryption and bucket policy change in place", async () => {
    await lifecycle.up({ mode: "data-source", bucket: "acme-archive", encryption: { type: "SSE-S3" }, alsoDecrypt: [keyArn], roleName });
    assert.equal(await lifecycle.roleId(roleName), id);
    const { s3 } = lifecycle.aws(await session(first));
    await s3.send(new GetObjectCommand({ Bucket: "acme-archive", Key: "old.jpg" }));
    await assert.rejects(s3.send(new PutObjectCommand({ Bucket: "acme-archive", Key: "x", Body: "x" })), refused);
    await assert.rejects(s3.send(new GetObjectCommand({ Bucket: "acme-product-shots", Key: "a.jpg" })), refused);
    assert.deepEqual(
      (await lifecycle.read()).stacks.map(({ kind }) => kind),
      ["role"],
    );
  });

  test("the guide's own bucket policy waits for somebody else, and is listed with who approved it", async () => {
    const { headers } = await lifecycle.api.call("GET", lifecycle.route);
    const answer = await lifecycle.api.call<{ operation: Operation }>("PUT", lifecycle.route, {
      body: { blueprint: "creative-force-s3", parameters: { ...delivery(), bucketPolicy: "vendor-exact" } },
      headers: { "if-match": headers.get("etag") ?? "" },
    });
    const looked = async () => (await lifecycle.api.call<Operation>("GET", `/v1/operations/${answer.body.operation.id}`)).body;
    let held = await looked();
    for (; ["queued", "running"].includes(held.state); held = await looked()) await sleep(200);
    assert.equal(held.state, "awaiting-approval", JSON.stringify(held.error));
    assert.match(JSON.stringify(held.result?.["reasons"]), /DeleteBucket and PutBucketPolicy/);
    assert.ok(!JSON.stringify(await lifecycle.inventory()).includes("s3:*"), "nothing is written before the approval");

    const body = { subject: "second-person", tenants: "*", scopes: ["read", "approve"] };
    const { body: made } = await lifecycle.api.call<{ key: string }>("POST", "/v1/keys", { body });
    const approver = createApi({ url: lifecycle.service.url, token: made.key });
    const approval = { body: { planHash: held.planHash } };
    assert.equal((await approver.call("POST", `/v1/operations/${held.id}/approve`, approval)).status, 200);
    succeeded(await lifecycle.api.finished(held.id));
    const { verdict, acceptedBreadth } = await lifecycle.proof();
    assert.equal(verdict, "green");
    assert.match(
      acceptedBreadth.join(),
      /Accepted exception: .* may s3:\* on arn:aws:s3:::acme-product-shots\. .* Approved by second-person\./,
    );
  });

  test("the id rotates, with both at work during the overlap", async () => {
    succeeded(await lifecycle.verb("external-id", { externalId: "cf-second-5b20e9d1", overlapMinutes: 10 }));
    await Promise.all([session(first), session("cf-second-5b20e9d1")]);
    succeeded(await lifecycle.verb("external-id", { externalId: "cf-third-6c31fae2" }));
    await session("cf-third-6c31fae2");
    await assert.rejects(session(first), refused);
    await assert.rejects(session("cf-second-5b20e9d1"), refused);
    assert.equal(await lifecycle.roleId(roleName), id);
  });

  test("after the teardown the account is as it was", async () => {
    succeeded(await lifecycle.destroy("acme", "studio"));
    assert.deepEqual(await lifecycle.inventory(), untouched);
  });
});
