import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CreateRoleCommand, DeleteRoleCommand } from "@aws-sdk/client-iam";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { assumeAs, asVendor } from "../../../sandbox/vendor.ts";
import { assertHandOff, type Life, liveAs, refused, succeeded } from "./vendor-life.ts";

const roleName = "ConductorOneIntegration";
const other = { Version: "2012-10-17", Statement: [{ Effect: "Deny", Principal: "*", Action: "sts:AssumeRole" }] };

describe("ConductorOne, whose id is a new one whenever its window was closed", { concurrency: false }, () => {
  let life: Life;
  let untouched: unknown;
  let id: string | undefined;
  const session = async (externalId: string) =>
    assumeAs(life.sandbox, await asVendor(life.sandbox, "conductorone"), { roleArn: life.arn(roleName), sessionName: "sync", externalId });
  const first = () => life.fixture.context.externalIds[0] ?? "";

  before(async () => {
    life = await liveAs("conductorone", "plain", { "acme-directory-exports": ["users.csv"], "acme-directory-new": ["users.csv"] });
    untouched = await life.inventory();
  });
  after(() => life?.stop());

  test("where the account has a role of the guide's name, the conflict is named and another name is the way out", async () => {
    const { iam } = life.aws();
    await iam.send(new CreateRoleCommand({ RoleName: roleName, AssumeRolePolicyDocument: JSON.stringify(other) }));
    const body = (parameters: object) => ({ blueprint: "conductorone-s3", parameters: { ...parameters, externalId: first() } });
    const taken = await life.put("acme", "directory", body(life.fixture.parameters));
    assert.deepEqual([taken.operation.state, taken.operation.error?.code], ["failed", "role_name_taken"]);
    assert.match(taken.operation.error?.detail ?? "", /Choose another roleName/);
    const renamed = await life.put("acme", "directory", body({ ...life.fixture.parameters, roleName: "ConductorOneDirectory" }));
    succeeded(renamed.operation);
    succeeded(await life.destroy("acme", "directory"));
    assert.ok(await life.roleId(roleName), "the stranger's role is left alone");
    await iam.send(new DeleteRoleCommand({ RoleName: roleName }));
  });

  test("the role is made and proven; the hand-off is the fixture's", async () => {
    const made = await life.up(life.fixture.parameters, first());
    assertHandOff(made, life.fixture);
    id = await life.roleId(roleName);
    const { s3 } = life.aws(await session(first()));
    await s3.send(new GetObjectCommand({ Bucket: "acme-directory-exports", Key: "users.csv" }));
  });

  test("bucket and key change in place", async () => {
    const kmsKeyArn = life.sandbox.accounts.tenant.keyArn;
    await life.up({ bucket: "acme-directory-new", kmsKeyArn });
    assert.equal(await life.roleId(roleName), id);
    const { s3 } = life.aws(await session(first()));
    await s3.send(new GetObjectCommand({ Bucket: "acme-directory-new", Key: "users.csv" }));
    await assert.rejects(s3.send(new GetObjectCommand({ Bucket: "acme-directory-exports", Key: "users.csv" })), refused);
  });

  test("the id of a window that was closed and opened again takes the old one's place", async () => {
    succeeded(await life.verb("external-id", { externalId: "c1-8fT2wL6mQ9xZ", overlapMinutes: 5 }));
    await Promise.all([session(first()), session("c1-8fT2wL6mQ9xZ")]);
    succeeded(await life.verb("external-id", { externalId: "c1-5jN7pR3vK1yB" }));
    await session("c1-5jN7pR3vK1yB");
    await assert.rejects(session(first()), refused);
    assert.equal(await life.roleId(roleName), id);
  });

  test("after the teardown the account is as it was", async () => {
    succeeded(await life.destroy("acme", "directory"));
    assert.deepEqual(await life.inventory(), untouched);
  });
});
