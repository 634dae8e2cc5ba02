import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CreatePolicyCommand, CreateRoleCommand, DeletePolicyCommand, DeleteRoleCommand, GetRoleCommand } from "@aws-sdk/client-iam";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { assumeAs, asVendor } from "../../../sandbox/vendor.ts";
import { assertHandOff, liveAs, refused, succeeded, type VendorLifecycle } from "./vendor-lifecycle.ts";

const roleName = "ConductorOneIntegration";
const other = { Version: "2012-10-17", Statement: [{ Effect: "Deny", Principal: "*", Action: "sts:AssumeRole" }] };

describe("ConductorOne, whose id is a new one whenever its window was closed", { concurrency: false }, () => {
  let lifecycle: VendorLifecycle;
  let untouched: unknown;
  let id: string | undefined;
  const session = async (externalId: string) =>
    assumeAs(lifecycle.sandbox, await asVendor(lifecycle.sandbox, "conductorone"), {
      roleArn: lifecycle.arn(roleName),
      sessionName: "sync",
      externalId,
    });
  const first = () => lifecycle.fixture.context.externalIds[0] ?? "";

  before(async () => {
    lifecycle = await liveAs("conductorone", "plain", { "acme-directory-exports": ["users.csv"], "acme-directory-new": ["users.csv"] });
    untouched = await lifecycle.inventory();
  });
  after(() => lifecycle?.stop());

  test("where the account has a role of the guide's name, the conflict is named and another name is the way out", async () => {
    const { iam } = lifecycle.aws();
    await iam.send(new CreateRoleCommand({ RoleName: roleName, AssumeRolePolicyDocument: JSON.stringify(other) }));
    const body = (parameters: object) => ({ blueprint: "conductorone-s3", parameters: { ...parameters, externalId: first() } });
    const taken = await lifecycle.put("acme", "directory", body(lifecycle.fixture.parameters));
    assert.deepEqual([taken.operation.state, taken.operation.error?.code], ["failed", "role_name_taken"]);
    assert.match(taken.operation.error?.detail ?? "", /Choose another roleName/);
    const renamed = await lifecycle.put("acme", "directory", body({ ...lifecycle.fixture.parameters, roleName: "ConductorOneDirectory" }));
    succeeded(renamed.operation);
    succeeded(await lifecycle.destroy("acme", "directory"));
    assert.ok(await lifecycle.roleId(roleName), "the stranger's role is left alone");
    await iam.send(new DeleteRoleCommand({ RoleName: roleName }));
  });

  test("the role is made and proven; the hand-off is the fixture's", async () => {
    const made = await lifecycle.up(lifecycle.fixture.parameters, first());
    assertHandOff(made, lifecycle.fixture);
    id = await lifecycle.roleId(roleName);
    const { s3 } = lifecycle.aws(await session(first()));
    await s3.send(new GetObjectCommand({ Bucket: "acme-directory-exports", Key: "users.csv" }));
  });

  test("bucket and key change in place", async () => {
    const kmsKeyArn = lifecycle.sandbox.accounts.tenant.keyArn;
    await lifecycle.up({ bucket: "acme-directory-new", kmsKeyArn });
    assert.equal(await lifecycle.roleId(roleName), id);
    const { s3 } = lifecycle.aws(await session(first()));
    await s3.send(new GetObjectCommand({ Bucket: "acme-directory-new", Key: "users.csv" }));
    await assert.rejects(s3.send(new GetObjectCommand({ Bucket: "acme-directory-exports", Key: "users.csv" })), refused);
  });

  test("the id of a window that was closed and opened again takes the old one's place", async () => {
    succeeded(await lifecycle.verb("external-id", { externalId: "c1-8fT2wL6mQ9xZ", overlapMinutes: 5 }));
    await Promise.all([session(first()), session("c1-8fT2wL6mQ9xZ")]);
    succeeded(await lifecycle.verb("external-id", { externalId: "c1-5jN7pR3vK1yB" }));
    await session("c1-5jN7pR3vK1yB");
    await assert.rejects(session(first()), refused);
    assert.equal(await lifecycle.roleId(roleName), id);
  });

  test("the tenant's boundary and its tags come onto the role, and go again with the tenant's word", async () => {
    const { iam } = lifecycle.aws();
    const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] });
    const { Policy } = await iam.send(new CreatePolicyCommand({ PolicyName: "Ceiling", PolicyDocument }));
    const { accountId, region, provisioningRoleArn: roleArn } = lifecycle.sandbox.accounts.tenant;
    const role = async () => (await iam.send(new GetRoleCommand({ RoleName: roleName }))).Role;
    const retenant = async (more: object) => {
      const etag = (await lifecycle.api.call("GET", "/v1/tenants/acme")).headers.get("etag") ?? "";
      const body = { accountId, region, access: { mode: "assume-role", roleArn }, ...more };
      assert.equal((await lifecycle.api.call("PUT", "/v1/tenants/acme", { body, headers: { "if-match": etag } })).status, 200);
      await lifecycle.up({ bucket: "acme-directory-new" });
    };
    await retenant({ permissionsBoundaryArn: Policy?.Arn, tags: { team: "data" } });
    const bounded = await role();
    assert.equal(bounded?.PermissionsBoundary?.PermissionsBoundaryArn, Policy?.Arn);
    assert.ok(bounded?.Tags?.some(({ Key, Value }) => Key === "team" && Value === "data"));
    await lifecycle.up({ bucket: "acme-directory-exports" });
    await retenant({});
    const free = await role();
    assert.equal(free?.PermissionsBoundary, undefined);
    assert.ok(!free?.Tags?.some(({ Key }) => Key === "team"));
    assert.equal(free?.RoleId, id);
    await iam.send(new DeletePolicyCommand({ PolicyArn: Policy?.Arn }));
  });

  test("after the teardown the account is as it was", async () => {
    succeeded(await lifecycle.destroy("acme", "directory"));
    assert.deepEqual(await lifecycle.inventory(), untouched);
  });
});
