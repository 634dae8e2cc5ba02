import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { type Api, createApi } from "../../../sandbox/api.ts";
import { asOutsider, assumeAs } from "../../../sandbox/vendor.ts";
import type { Operation } from "../../../src/model/operation.ts";
import { assertHandOff, liveAs, refused, succeeded, type VendorLifecycle } from "./vendor-lifecycle.ts";

const roleName = "NumbersLoader";

describe("a vendor without a blueprint, by an approved principal", { concurrency: false }, () => {
  let lifecycle: VendorLifecycle;
  let untouched: unknown;
  let approver: Api;
  let parameters: Record<string, unknown>;
  const externalId = "numbers-4c7e19d2a8b3";

  /** PUTs and answers the operation once it has ended or waits for somebody. */
  const ask = async (asked: Record<string, unknown>): Promise<Operation> => {
    const there = await lifecycle.api.call("GET", lifecycle.route);
    const etag = there.status === 200 ? there.headers.get("etag") : null;
    const answer = await lifecycle.api.call<{ operation: Operation; code?: string }>("PUT", lifecycle.route, {
      body: { blueprint: "custom-s3", parameters: { ...asked, externalId } },
      headers: etag ? { "if-match": etag } : {},
    });
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    return settled(answer.body.operation.id);
  };
  const settled = async (id: string): Promise<Operation> => {
    for (;;) {
      const { body } = await lifecycle.api.call<Operation>("GET", `/v1/operations/${id}`);
      if (!["queued", "running"].includes(body.state)) return body;
      await sleep(200);
    }
  };
  const decide = (api: Api, id: string, verb: string, planHash?: string) =>
    api.call<{ code?: string }>("POST", `/v1/operations/${id}/${verb}`, { ...(planHash && { body: { planHash } }) });
  const approve = async ({ id, planHash }: Operation): Promise<void> => {
    assert.equal((await decide(approver, id, "approve", planHash)).status, 200);
    succeeded(await lifecycle.api.finished(id));
  };
  const session = (id = externalId) =>
    assumeAs(lifecycle.sandbox, asOutsider(lifecycle.sandbox), { roleArn: lifecycle.arn(roleName), sessionName: "load", externalId: id });

  before(async () => {
    lifecycle = await liveAs("custom", "read-folders", { "acme-figures": ["out/a.csv", "in/b.csv"], "acme-reports": ["r.csv"] });
    untouched = await lifecycle.inventory();
    parameters = { ...lifecycle.fixture.parameters, principalArn: lifecycle.sandbox.accounts.outsider.principalArn };
    const made = await lifecycle.api.call<{ key: string }>("POST", "/v1/keys", {
      body: { subject: "second-person", tenants: "*", scopes: ["read", "approve"] },
    });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    approver = createApi({ url: lifecycle.service.url, token: made.body.key });
  });
  after(() => lifecycle?.stop());

  test("a principal that no administrator put on the list is refused", async () => {
    const answer = await lifecycle.api.call<{ code: string }>("PUT", lifecycle.route, { body: { blueprint: "custom-s3", parameters } });
    assert.deepEqual([answer.status, answer.body.code], [422, "untrusted_principal"]);
    const { vendor, principalArn } = parameters;
    const listed = await lifecycle.api.call("PUT", "/v1/trusted-principals/numbers", { body: { vendor, principalArn } });
    assert.equal(listed.status, 200);
  });

  test("creating it waits for somebody else, and only for the plan that was shown", async () => {
    const held = await ask(parameters);
    assert.equal(held.state, "awaiting-approval");
    assert.match(JSON.stringify(held.result), /numbers-inc would get access/);
    assert.equal(await lifecycle.roleId(roleName), undefined, "nothing is made before the approval");
    const own = await decide(lifecycle.api, held.id, "approve", held.planHash);
    assert.deepEqual([own.status, own.body.code], [403, "approver_is_requester"]);
    const stale = await decide(approver, held.id, "approve", "0".repeat(64));
    assert.deepEqual([stale.status, stale.body.code], [409, "plan_stale"]);
    await approve(held);
    const made = await lifecycle.read();
    assert.deepEqual([made.vendor, made.handshake.state, made.proof?.verdict], ["numbers-inc", "trusted", "green"]);
  });

  test("the vendor reads the folders it was given, and nothing beside", async () => {
    const { s3 } = lifecycle.aws(await session());
    await s3.send(new GetObjectCommand({ Bucket: "acme-figures", Key: "out/a.csv" }));
    await s3.send(new GetObjectCommand({ Bucket: "acme-reports", Key: "r.csv" }));
    await assert.rejects(s3.send(new GetObjectCommand({ Bucket: "acme-figures", Key: "in/b.csv" })), refused);
    await assert.rejects(s3.send(new PutObjectCommand({ Bucket: "acme-reports", Key: "x", Body: "x" })), refused);
    await assert.rejects(session("another-id-altogether"), refused);
  });

  test("the hand-off is the fixture's", async () => {
    const own = {
      ...lifecycle.fixture,
      handOff: lifecycle.fixture.handOff.map((field) => (field.sensitive ? { ...field, value: externalId } : field)),
    };
    assertHandOff(await lifecycle.read(), own);
  });

  test("widening stops again; discarded, it leaves all as it was", async () => {
    const held = await ask({ ...parameters, access: "read-write" });
    assert.equal(held.state, "awaiting-approval");
    assert.equal((await decide(lifecycle.api, held.id, "discard")).status, 200);
    const { s3 } = lifecycle.aws(await session());
    await assert.rejects(s3.send(new PutObjectCommand({ Bucket: "acme-reports", Key: "x", Body: "x" })), refused);
    assert.equal((await settled(held.id)).state, "cancelled");
  });

  test("approved, the wider access works; narrowing needs nobody", async () => {
    const kmsKeyArn = lifecycle.sandbox.accounts.tenant.keyArn;
    const held = await ask({ ...parameters, access: "read-write", kmsKeyArn, buckets: [{ bucket: "acme-reports" }] });
    assert.equal(held.state, "awaiting-approval");
    await approve(held);
    const { s3 } = lifecycle.aws(await session());
    await s3.send(new PutObjectCommand({ Bucket: "acme-reports", Key: "x", Body: "x" }));
    await assert.rejects(s3.send(new GetObjectCommand({ Bucket: "acme-figures", Key: "out/a.csv" })), refused);
    const narrower = await ask({ ...parameters, buckets: [{ bucket: "acme-reports" }] });
    succeeded(narrower);
    const after = lifecycle.aws(await session()).s3;
    await assert.rejects(after.send(new PutObjectCommand({ Bucket: "acme-reports", Key: "y", Body: "y" })), refused);
  });

  test("revoking the vendor by its own name closes the trust; reinstated, it opens again", async () => {
    const revoke = async (verb: string) => {
      const answer = await lifecycle.api.call<{ operation: Operation }>("POST", `/v1/vendors/numbers-inc/${verb}`);
      assert.equal(answer.status, 202, JSON.stringify(answer.body));
      succeeded(await lifecycle.api.finished(answer.body.operation.id));
    };
    await revoke("revoke");
    await assert.rejects(session(), refused);
    await revoke("reinstate");
    await session();
  });

  test("the id rotates, with both at work during the overlap", async () => {
    succeeded(await lifecycle.verb("external-id", { externalId: "numbers-5d8f20e3b9c4", overlapMinutes: 10 }));
    await Promise.all([session(), session("numbers-5d8f20e3b9c4")]);
    succeeded(await lifecycle.verb("external-id", { externalId: "numbers-6e9031f4cad5" }));
    await session("numbers-6e9031f4cad5");
    await assert.rejects(session(), refused);
  });

  test("after the teardown the account is as it was", async () => {
    succeeded(await lifecycle.destroy("acme", "numbers"));
    assert.deepEqual(await lifecycle.inventory(), untouched);
  });
});
