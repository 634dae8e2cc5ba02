import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CreateRoleCommand,
  DeleteRoleCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  ListRolePoliciesCommand,
  PutRolePolicyCommand,
  TagRoleCommand,
  UpdateAssumeRolePolicyCommand,
} from "@aws-sdk/client-iam";
import { tenantThings } from "../../sandbox/accounts.ts";
import { provisioningStatements } from "../../sandbox/provisioning-policy.ts";
import { assumeAs, asVendor } from "../../sandbox/vendor.ts";
import type { IntegrationView, TenantView } from "../../src/http/views/schemas.ts";
import { createLog } from "../../src/log.ts";
import type { Operation } from "../../src/model/operation.ts";
import { changeIntegration } from "../../src/store/integrations.ts";
import { type Receipt, receiptHash } from "../../src/store/receipts.ts";
import { openStore } from "../../src/store/store.ts";
import { startWorld, type World } from "../support/world.ts";

describe("a teardown never lies", { concurrency: false }, () => {
  let world: World;
  let account: string;
  const body = (name: string) => ({
    blueprint: "conductorone-s3",
    parameters: { bucket: tenantThings.plainBucket(account), roleName: `Vendor-${name}`, externalId: `id-of-${name}-5f0c2a` },
  });
  const role = async (name: string) =>
    (
      await world
        .aws()
        .iam.send(new GetRoleCommand({ RoleName: `Vendor-${name}` }))
        .catch(() => undefined)
    )?.Role;
  const failing = (fault: string) => world.restart({ environment: { DRAWBRIDGE_STAND_IN_FAIL: fault } });
  const view = async (name: string) => (await world.api.call<IntegrationView>("GET", `/v1/tenants/acme/integrations/${name}`)).body;
  const receipts = async () => (await world.api.call<{ items: Receipt[] }>("GET", "/v1/tenants/acme/receipts")).body.items;

  before(async () => {
    world = await startWorld();
    account = world.sandbox.accounts.tenant.accountId;
    await world.tenant("acme");
  });
  after(() => world?.stop());

  test("a create that failed half-way is destroyed whole", async () => {
    await failing("aws:iam/rolePolicy:RolePolicy:create");
    const { operation } = await world.put("acme", "half", body("half"));
    assert.equal(operation.state, "failed");
    assert.ok(await role("half"), "the role was made before the policy failed");
    await world.restart({});
    assert.equal((await world.destroy("acme", "half")).state, "succeeded");
    assert.equal(await role("half"), undefined);
  });

  test("access ends before the slow part: the trust is closed and older sessions are denied while the role still waits for its end", async () => {
    assert.equal((await world.put("acme", "slow", body("slow"))).operation.state, "succeeded");
    await failing("aws:iam/role:Role:delete:hang-before");
    const started = Date.now();
    const { body: accepted } = await world.api.call<{ operation: Operation }>("DELETE", "/v1/tenants/acme/integrations/slow");
    let policies: string[] = [];
    while (!policies.includes("DrawbridgeRevokeOlderSessions") && Date.now() - started < 20_000) {
      await sleep(100);
      policies = (await world.aws().iam.send(new ListRolePoliciesCommand({ RoleName: "Vendor-slow" }))).PolicyNames ?? [];
    }
    const { PolicyDocument } = await world
      .aws()
      .iam.send(new GetRolePolicyCommand({ RoleName: "Vendor-slow", PolicyName: "DrawbridgeRevokeOlderSessions" }));
    assert.match(decodeURIComponent(PolicyDocument ?? ""), /"Effect":"Deny","Action":"\*".*aws:TokenIssueTime/);
    const roleArn = `arn:aws:iam::${account}:role/Vendor-slow`;
    const vendor = await asVendor(world.sandbox, "conductorone");
    await assert.rejects(assumeAs(world.sandbox, vendor, { roleArn, sessionName: "x", externalId: "id-of-slow-5f0c2a" }));
    assert.equal((await view("slow")).handshake.state, "offboarding");
    // Waits behind the teardown, and isn't a wish to have the integration again.
    assert.equal((await world.api.call("POST", "/v1/tenants/acme/integrations/slow/verify")).status, 202);
    // The service dies while the plugin hangs: the next one ends what the dead one left, and the operation, by itself.
    world.service.process.kill("SIGKILL");
    await world.restart({});
    const ended = await world.api.finished(accepted.operation.id);
    assert.equal(ended.state, "succeeded", JSON.stringify(ended.error));
    assert.ok(ended.attempt > 1);
    assert.equal(await role("slow"), undefined);
    assert.equal((await view("slow")).handshake.state, "gone");
  });

  test("a delete that fails leaves the record, the role and no receipt; the next DELETE ends it, also when the blueprint is gone by then", async () => {
    assert.equal((await world.put("acme", "stuck", body("stuck"))).operation.state, "succeeded");
    const count = (await receipts()).length;
    await failing("aws:iam/role:Role:delete");
    assert.equal((await world.destroy("acme", "stuck")).state, "failed");
    assert.ok(await role("stuck"));
    assert.equal((await view("stuck")).stacks.length, 1);
    assert.equal((await receipts()).length, count);
    await world.service.stop();
    const store = await openStore({ dataDir: world.sandbox.environment["DRAWBRIDGE_DATA_DIR"] ?? "", log: createLog({ level: "error" }) });
    await changeIntegration(store.db, "acme", "stuck", (record) => ({ ...record, blueprint: "vanished-vendor" }));
    await store.close();
    await world.restart({});
    assert.equal((await view("stuck")).blueprint, "vanished-vendor");
    assert.equal((await world.destroy("acme", "stuck")).state, "succeeded");
    assert.equal((await receipts()).length, count + 1);
  });

  test("while the account can't be entered the teardown says so, keeps the record and names what is left", async () => {
    assert.equal((await world.put("acme", "shut", body("shut"))).operation.state, "succeeded");
    const { body: tenant } = await world.api.call<TenantView>("GET", "/v1/tenants/acme");
    const closed = { Version: "2012-10-17", Statement: [{ Effect: "Deny", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }] };
    const trust = (document: unknown) =>
      world
        .aws()
        .iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: tenantThings.provisioningRole, PolicyDocument: JSON.stringify(document) }));
    await trust(closed);
    const refused = await world.destroy("acme", "shut");
    assert.deepEqual([refused.state, refused.error?.code], ["failed", "account_unreachable"]);
    assert.match(refused.error?.detail ?? "", /role\/shut/);
    assert.ok(await role("shut"));
    assert.equal((await view("shut")).handshake.state, "offboarding");
    // The way in changes, as a customer would change it: another role, registered with a PUT on the tenant.
    const other = "DrawbridgeProvisioning2";
    const { iam } = world.aws();
    await iam.send(new CreateRoleCommand({ RoleName: other, AssumeRolePolicyDocument: JSON.stringify(tenant.provisioning.trustPolicy) }));
    const document = JSON.stringify({ Version: "2012-10-17", Statement: provisioningStatements(account) });
    await iam.send(new PutRolePolicyCommand({ RoleName: other, PolicyName: "all", PolicyDocument: document }));
    const { headers } = await world.api.call("GET", "/v1/tenants/acme");
    const changed = await world.api.call("PUT", "/v1/tenants/acme", {
      body: {
        accountId: account,
        region: tenant.region,
        access: { mode: "assume-role", roleArn: `arn:aws:iam::${account}:role/${other}` },
      },
      headers: { "if-match": headers.get("etag") ?? "" },
    });
    assert.equal(changed.status, 200, JSON.stringify(changed.body));
    const ended = await world.destroy("acme", "shut");
    assert.equal(ended.state, "succeeded", JSON.stringify(ended.error));
    assert.equal(await role("shut"), undefined);
  });

  test("something with the integration's tags under another name stops the tombstone and is named", async () => {
    assert.equal((await world.put("acme", "twin", body("twin"))).operation.state, "succeeded");
    const { iam } = world.aws();
    const trust = { Version: "2012-10-17", Statement: [{ Effect: "Deny", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }] };
    await iam.send(new CreateRoleCommand({ RoleName: "NobodyKnowsMe", AssumeRolePolicyDocument: JSON.stringify(trust) }));
    const Tags = [
      { Key: "drawbridge:tenant", Value: "acme" },
      { Key: "drawbridge:integration", Value: "twin" },
    ];
    await iam.send(new TagRoleCommand({ RoleName: "NobodyKnowsMe", Tags }));
    const refused = await world.destroy("acme", "twin");
    assert.deepEqual([refused.state, refused.error?.code], ["failed", "leftovers"]);
    assert.match(refused.error?.detail ?? "", /role\/NobodyKnowsMe/);
    assert.notEqual((await view("twin")).handshake.state, "gone");
    await iam.send(new DeleteRoleCommand({ RoleName: "NobodyKnowsMe" }));
    assert.equal((await world.destroy("acme", "twin")).state, "succeeded");
  });

  test("receipts say what went, how that is known, and chain by their hashes", async () => {
    const all = await receipts();
    assert.ok(all.length >= 5);
    for (const [index, receipt] of all.entries()) {
      assert.equal(receipt.number, index + 1);
      assert.equal(receipt.previous, all[index - 1]?.sha256 ?? null);
      assert.equal(receipt.sha256, receiptHash(receipt));
      assert.deepEqual(receipt.proof.found, []);
    }
    assert.deepEqual(all.find(({ integration }) => integration === "stuck")?.proof.roleNames, ["Vendor-stuck"]);
  });
});
