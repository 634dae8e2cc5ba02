import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { GetRoleCommand, ListRolePoliciesCommand } from "@aws-sdk/client-iam";
import { tenantThings } from "../../sandbox/accounts.ts";
import { assumeAs, asTenantAdmin, asVendor } from "../../sandbox/vendor.ts";
import type { IntegrationView } from "../../src/http/views/schemas.ts";
import type { Operation } from "../../src/model/operation.ts";
import { startWorld, type World } from "../support/world.ts";

const tenants = [
  ["acme", "tenant"],
  ["globex", "neighbour"],
] as const;

describe("a vendor loses its access everywhere and gets it back", { concurrency: false }, () => {
  let world: World;
  const ids: Record<string, string> = { acme: "id-of-acme-c04e", globex: "id-of-globex-c04e" };
  const body = (tenant: string, account: "tenant" | "neighbour") => ({
    blueprint: "conductorone-s3",
    parameters: { bucket: tenantThings.plainBucket(world.sandbox.accounts[account].accountId), externalId: ids[tenant] },
  });
  const iam = (account: "tenant" | "neighbour") => world.aws(asTenantAdmin(world.sandbox, account)).iam;
  const enter = async (tenant: string, account: "tenant" | "neighbour") =>
    assumeAs(world.sandbox, await asVendor(world.sandbox, "conductorone"), {
      roleArn: `arn:aws:iam::${world.sandbox.accounts[account].accountId}:role/ConductorOneIntegration`,
      sessionName: "sync",
      externalId: ids[tenant] ?? "",
    });
  const set = async (what: "revoke" | "reinstate") => {
    const answer = await world.api.call<{ operation: Operation }>("POST", `/v1/vendors/conductorone/${what}`);
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    return world.api.finished(answer.body.operation.id);
  };
  const trustOf = async (account: "tenant" | "neighbour") => {
    const { Role } = await iam(account).send(new GetRoleCommand({ RoleName: "ConductorOneIntegration" }));
    return decodeURIComponent(Role?.AssumeRolePolicyDocument ?? "");
  };

  before(async () => {
    world = await startWorld();
    for (const [tenant, account] of tenants) {
      await world.tenant(tenant, account);
      const { operation } = await world.put(tenant, "c1", body(tenant, account));
      assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
      await enter(tenant, account);
    }
  });
  after(() => world?.stop());

  test("revoking closes every trust, ends the sessions and reports each", async () => {
    const started = Date.now();
    const operation = await set("revoke");
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    assert.ok(Date.now() - started < 30_000);
    const { integrations } = operation.result as { integrations: { tenant: string; roles: { trust: string }[] }[] };
    assert.deepEqual(
      integrations.map(({ tenant, roles }) => [tenant, roles[0]?.trust]),
      [
        ["acme", "closed"],
        ["globex", "closed"],
      ],
    );
    for (const [tenant, account] of tenants) {
      await assert.rejects(enter(tenant, account), /AccessDenied|not authorized/);
      const { PolicyNames } = await iam(account).send(new ListRolePoliciesCommand({ RoleName: "ConductorOneIntegration" }));
      assert.ok(PolicyNames?.includes("DrawbridgeRevokeOlderSessions"));
      const { body: view } = await world.api.call<IntegrationView>("GET", `/v1/tenants/${tenant}/integrations/c1`);
      assert.equal(view.handshake.state, "revoked");
    }
  });

  test("a PUT while the vendor is revoked leaves the trust closed", async () => {
    ids["acme"] = "second-id-of-acme-91b7";
    const { operation } = await world.put("acme", "c1", body("acme", "tenant"));
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    assert.match(await trustOf("tenant"), /DrawbridgeClosed/);
    const { PolicyNames } = await iam("tenant").send(new ListRolePoliciesCommand({ RoleName: "ConductorOneIntegration" }));
    assert.ok(PolicyNames?.includes("DrawbridgeRevokeOlderSessions"), "older sessions stay denied");
    await assert.rejects(enter("acme", "tenant"), /AccessDenied|not authorized/);
    const again = await world.api.call("PUT", "/v1/tenants/acme/integrations/c1", { body: body("acme", "tenant") });
    assert.equal(again.status, 200, "nothing to do, as long as the vendor is revoked");
  });

  test("reinstating opens every trust again, takes the sessions' end away and proves each", async () => {
    const operation = await set("reinstate");
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    for (const [tenant, account] of tenants) {
      await enter(tenant, account);
      const { PolicyNames } = await iam(account).send(new ListRolePoliciesCommand({ RoleName: "ConductorOneIntegration" }));
      assert.deepEqual(PolicyNames, ["ConductorOnePermissions"]);
    }
    assert.equal(operation.children?.length, 2);
  });

  test("a vendor that nobody knows is not found", async () => {
    assert.equal((await world.api.call("POST", "/v1/vendors/nobody/revoke")).status, 404);
  });
});
