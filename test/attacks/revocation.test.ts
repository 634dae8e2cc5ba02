/** A vendor is revoked while updates of its integrations run. Whatever they were about to write, nobody gets in afterwards. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  GetRoleCommand,
  ListRolePoliciesCommand,
  TagRoleCommand,
  UntagRoleCommand,
} from "@aws-sdk/client-iam";
import { tenantThings } from "../../sandbox/accounts.ts";
import { assumeAs, asVendor } from "../../sandbox/vendor.ts";
import type { IntegrationView } from "../../src/http/views/schemas.ts";
import type { Operation, OperationEvent } from "../../src/model/operation.ts";
import { startWorld, type World } from "../support/world.ts";

interface HandedRole {
  Type: string;
  Properties: { AssumeRolePolicyDocument?: unknown; Tags?: { Key: string; Value: string }[] };
}

describe("a revocation during running updates", { concurrency: false }, () => {
  let world: World;
  let bucket: string;
  const route = (name: string) => `/v1/tenants/acme/integrations/${name}`;
  const roleName = (name: string) => `C1-${name}`;
  const put = async (name: string, externalId: string) => {
    const there = await world.api.call("GET", route(name));
    const etag = there.status === 200 ? there.headers.get("etag") : null;
    const body = { blueprint: "conductorone-s3", parameters: { bucket, roleName: roleName(name), externalId } };
    const answer = await world.api.call<{ operation: Operation }>("PUT", route(name), { body, headers: etag ? { "if-match": etag } : {} });
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    return answer.body.operation.id;
  };
  /** Waits until the operation has begun this step; false if it ended before. */
  const hasBegun = async (id: string, name: string): Promise<boolean> => {
    for (;;) {
      const { body: events } = await world.api.call<{ items: OperationEvent[] }>("GET", `/v1/operations/${id}/events?limit=200`);
      if (events.items.some(({ type, data }) => type === "step-started" && data["name"] === name)) return true;
      if (events.items.some(({ data }) => data["state"] === "succeeded" || data["state"] === "failed")) return false;
      await sleep(5);
    }
  };
  const set = async (what: "revoke" | "reinstate") => {
    const answer = await world.api.call<{ operation: Operation }>("POST", `/v1/vendors/conductorone/${what}`);
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    return world.api.finished(answer.body.operation.id);
  };
  const enter = async (name: string, externalId: string) =>
    assumeAs(world.sandbox, await asVendor(world.sandbox, "conductorone"), {
      roleArn: `arn:aws:iam::${world.sandbox.accounts.tenant.accountId}:role/${roleName(name)}`,
      sessionName: "sync",
      externalId,
    });
  /** After both have ended, nobody gets in, and the record says so. */
  const isClosed = async (name: string, externalId: string) => {
    const trust = await world
      .aws()
      .iam.send(new GetRoleCommand({ RoleName: roleName(name) }))
      .then(
        ({ Role }) => decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ""),
        () => "no role",
      );
    assert.match(trust, /DrawbridgeClosed|no role/);
    await assert.rejects(enter(name, externalId));
    const { body } = await world.api.call<IntegrationView>("GET", route(name));
    assert.equal(body.handshake.state, "revoked");
  };

  const removeRole = async (RoleName: string) => {
    const { iam } = world.aws();
    const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName }));
    for (const PolicyName of PolicyNames) await iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName }));
    await iam.send(new DeleteRoleCommand({ RoleName }));
  };

  before(async () => {
    world = await startWorld();
    bucket = tenantThings.plainBucket(world.sandbox.accounts.tenant.accountId);
    await world.tenant("acme");
  });
  after(() => world?.stop());

  test("reports what it can't close: a role that the customer made from our documents", async () => {
    const hands = { accountId: "999988887777", region: "us-east-1", access: { mode: "hand-off" } };
    assert.equal((await world.api.call("PUT", "/v1/tenants/hands", { body: hands })).status, 201);
    const parameters = { bucket: "hands-data", roleName: "Handed", externalId: "c1-of-hands-7d1f6a93" };
    const made = await world.api.call<{ operation: Operation }>("PUT", "/v1/tenants/hands/integrations/c1", {
      body: { blueprint: "conductorone-s3", parameters },
    });
    assert.equal((await world.api.finished(made.body.operation.id)).state, "succeeded");
    const revoked = await set("revoke");
    assert.deepEqual([revoked.state, revoked.error?.code], ["failed", "revoke_incomplete"]);
    assert.match(JSON.stringify(revoked.result), /The customer has to close or remove them/);
    const { body } = await world.api.call<IntegrationView>("GET", "/v1/tenants/hands/integrations/c1");
    assert.deepEqual([body.handshake.state, body.handshake.awaiting[0]?.from], ["revoked", "customer"]);
    const entered = { ...hands, access: { mode: "assume-role", roleArn: "arn:aws:iam::999988887777:role/DrawbridgeProvisioning" } };
    const { headers } = await world.api.call("GET", "/v1/tenants/hands");
    const tag = { "if-match": headers.get("etag") ?? "" };
    assert.equal((await world.api.call("PUT", "/v1/tenants/hands", { body: entered, headers: tag })).status, 200);
    assert.equal((await set("revoke")).error?.code, "revoke_incomplete", "also once the account may be entered and nothing was adopted");
    const now = { "if-match": (await world.api.call("GET", "/v1/tenants/hands")).headers.get("etag") ?? "" };
    assert.equal((await world.api.call("PUT", "/v1/tenants/hands", { body: hands, headers: now })).status, 200);
    assert.equal((await set("reinstate")).state, "succeeded");
    const back = await world.api.call<IntegrationView>("GET", "/v1/tenants/hands/integrations/c1");
    assert.equal(back.body.handshake.state, "awaiting-customer");
    const gone = await world.api.call<{ operation: Operation }>("DELETE", "/v1/tenants/hands/integrations/c1");
    assert.equal((await world.api.finished(gone.body.operation.id)).state, "succeeded");
  });

  test("closes a role of ours that lost its tags: its unique id is still the same", async () => {
    const done = await world.api.finished(await put("untagged", "c1-untagged-7d1f6a93"));
    assert.equal(done.state, "succeeded", JSON.stringify(done.error));
    const tags = { "drawbridge:tenant": "acme", "drawbridge:integration": "untagged" };
    const { iam } = world.aws();
    await iam.send(new UntagRoleCommand({ RoleName: roleName("untagged"), TagKeys: Object.keys(tags) }));
    await enter("untagged", "c1-untagged-7d1f6a93");
    const revoked = await set("revoke");
    assert.equal(revoked.state, "succeeded", JSON.stringify(revoked.result));
    await isClosed("untagged", "c1-untagged-7d1f6a93");
    await iam.send(
      new TagRoleCommand({ RoleName: roleName("untagged"), Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) }),
    );
    assert.equal((await set("reinstate")).state, "succeeded");
    await enter("untagged", "c1-untagged-7d1f6a93");
  });

  test("reports that somebody made another role in place of ours, and no teardown touches that role", async () => {
    const done = await world.api.finished(await put("replaced", "c1-replaced-7d1f6a93"));
    assert.equal(done.state, "succeeded", JSON.stringify(done.error));
    const { iam } = world.aws();
    const RoleName = roleName("replaced");
    const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
    const AssumeRolePolicyDocument = decodeURIComponent(Role?.AssumeRolePolicyDocument ?? "");
    await removeRole(RoleName);
    const again = await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));
    const revoked = await set("revoke");
    assert.deepEqual([revoked.state, revoked.error?.code], ["failed", "revoke_incomplete"]);
    assert.match(JSON.stringify(revoked.result), /made others under their names since: C1-replaced/);
    const gone = await world.api.call<{ operation: Operation }>("DELETE", route("replaced"));
    const destroyed = await world.api.finished(gone.body.operation.id);
    assert.equal(destroyed.state, "succeeded", JSON.stringify(destroyed.error));
    const left = await iam.send(new GetRoleCommand({ RoleName }));
    assert.equal(left.Role?.RoleId, again.Role?.RoleId);
    assert.equal(decodeURIComponent(left.Role?.AssumeRolePolicyDocument ?? ""), AssumeRolePolicyDocument);
    await iam.send(new DeleteRoleCommand({ RoleName }));
    assert.equal((await set("reinstate")).state, "succeeded");
  });

  test("closes a role that somebody made from the hand-off of an integration whose update failed", async () => {
    const RoleName = "C1-by-hand";
    const parameters = { bucket: "no-such-bucket-of-acme", roleName: RoleName, externalId: "c1-by-hand-7d1f6a93" };
    assert.equal((await world.put("acme", "by-hand", { blueprint: "conductorone-s3", parameters })).operation.state, "failed");
    const { body } = await world.api.call<{ template: { Resources: Record<string, HandedRole> } }>("GET", `${route("by-hand")}/hand-off`);
    const role = Object.values(body.template.Resources).find(({ Type }) => Type === "AWS::IAM::Role")?.Properties;
    assert.ok(role);
    const { iam } = world.aws();
    const AssumeRolePolicyDocument = JSON.stringify(role.AssumeRolePolicyDocument);
    await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument, Tags: role.Tags }));
    assert.equal((await set("revoke")).state, "succeeded");
    await isClosed("by-hand", parameters.externalId);
    await removeRole(RoleName);
    assert.equal((await set("reinstate")).state, "succeeded");
  });

  // The moments at which a run has read what it will write, with and without the lease of its role.
  const moments = ["enter-account", "preflight", "update-stacks", "prove"] as const;
  const entries = (moment: string): [string, string][] => [
    [`made-${moment}`, `c1-made-${moment}-91b7c04e`],
    [`changed-${moment}`, `c1-next-${moment}-0c5b7f31`],
  ];
  for (const moment of moments) {
    test(`closes access if it begins when a create and an update have reached ${moment}`, async () => {
      const [made, changed] = [`made-${moment}`, `changed-${moment}`];
      const first = await world.api.finished(await put(changed, `c1-first-${moment}-7d1f6a93`));
      assert.equal(first.state, "succeeded", JSON.stringify(first.error));
      const ids: string[] = [];
      for (const [name, externalId] of entries(moment)) ids.push(await put(name, externalId));
      await Promise.all(ids.map((id) => hasBegun(id, moment)));
      const revoked = await set("revoke");
      assert.equal(revoked.state, "succeeded", JSON.stringify(revoked.result));
      const updates = Promise.all(ids.map((id) => world.api.finished(id)));
      let ended = false;
      void updates.finally(() => {
        ended = true;
      });
      const opened = new Set<string>();
      do {
        for (const [name, externalId] of entries(moment))
          await enter(name, externalId).then(
            () => opened.add(name),
            () => undefined,
          );
      } while (!ended);
      await updates;
      assert.deepEqual([...opened], [], "from the end of the revocation on, also while the updates run");
      await isClosed(made, `c1-made-${moment}-91b7c04e`);
      await isClosed(changed, `c1-next-${moment}-0c5b7f31`);
      const back = await set("reinstate");
      assert.equal(back.state, "succeeded", JSON.stringify(back.result));
      await enter(changed, `c1-next-${moment}-0c5b7f31`);
    });
  }
});
