import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CreateRoleCommand, GetRoleCommand, PutRolePolicyCommand, UpdateAssumeRolePolicyCommand } from "@aws-sdk/client-iam";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { assumeAs, asVendor } from "../../../sandbox/vendor.ts";
import type { HandOffView } from "../../../src/http/routes/hand-off.ts";
import type { RoleDifferences } from "../../../src/integrations/adopt.ts";
import type { StackPlan } from "../../../src/integrations/stacks/plan.ts";
import { liveAs, succeeded, type VendorLifecycle } from "./vendor-lifecycle.ts";

const roleName = "ConductorOneIntegration";

describe("a role made by hand from the hand-off is taken over as it is", { concurrency: false }, () => {
  let lifecycle: VendorLifecycle;
  let untouched: unknown;
  let id: string | undefined;
  let trust = "";
  let body: object;
  const adopt = (roleArn = lifecycle.arn(roleName)) => lifecycle.verb("adopt", { roleArn });
  const policyBy = (bucket: string) =>
    JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        { Sid: "ReadFiles", Effect: "Allow", Action: ["s3:GetObjectAttributes", "s3:GetObject"], Resource: [`arn:aws:s3:::${bucket}/*`] },
        { Sid: "ListFiles", Effect: "Allow", Action: ["s3:GetBucketLocation", "s3:ListBucket"], Resource: `arn:aws:s3:::${bucket}` },
      ],
    });

  before(async () => {
    lifecycle = await liveAs("conductorone", "plain", { "acme-directory-exports": ["users.csv"] });
    untouched = await lifecycle.inventory();
    const externalId = lifecycle.fixture.context.externalIds[0];
    body = { blueprint: "conductorone-s3", parameters: { ...lifecycle.fixture.parameters, externalId } };
  });
  after(() => lifecycle?.stop());

  test("a PUT finds the name taken and changes nothing", async () => {
    const Tags = [{ Key: "aws:cloudformation:stack-name", Value: "vendor-access" }];
    const closed = { Version: "2012-10-17", Statement: [{ Effect: "Deny", Principal: "*", Action: "sts:AssumeRole" }] };
    const { iam } = lifecycle.aws();
    const AssumeRolePolicyDocument = JSON.stringify(closed);
    await iam.send(new CreateRoleCommand({ RoleName: roleName, AssumeRolePolicyDocument, Tags, MaxSessionDuration: 7200 }));
    id = await lifecycle.roleId(roleName);
    const { operation } = await lifecycle.put("acme", "directory", body);
    assert.deepEqual([operation.state, operation.error?.code], ["failed", "role_name_taken"]);
    const { body: handOff } = await lifecycle.api.call<HandOffView>("GET", `${lifecycle.route}/hand-off`);
    trust = JSON.stringify(handOff.documents.find(({ name }) => name.includes("trust"))?.document);
  });

  test("a role that differs is refused, and the operation says how", async () => {
    const operation = await adopt();
    assert.deepEqual([operation.state, operation.error?.code], ["failed", "adopt_differs"]);
    const { differences } = operation.result as { differences: RoleDifferences };
    assert.deepEqual(
      differences.documents.map(({ document }) => document),
      ["trust", "inline/ConductorOnePermissions"],
    );
    assert.equal(differences.documents[0]?.added.length, 1);
    const { Role } = await lifecycle.aws().iam.send(new GetRoleCommand({ RoleName: roleName }));
    assert.ok(!Role?.Tags?.some(({ Key }) => Key === "drawbridge:tenant"), "nothing was written");
  });

  test("a role of another name isn't this integration's to take", async () => {
    const answer = await lifecycle.api.call<{ code: string }>("POST", `${lifecycle.route}/adopt`, {
      body: { roleArn: lifecycle.arn("Administrators") },
    });
    assert.deepEqual([answer.status, answer.body.code], [422, "invalid_parameters"]);
  });

  test("made the same, it is adopted: its id stays, and a stack that still owns it is named", async () => {
    const { iam } = lifecycle.aws();
    await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: roleName, PolicyDocument: trust }));
    const PolicyDocument = policyBy("acme-directory-exports");
    await iam.send(new PutRolePolicyCommand({ RoleName: roleName, PolicyName: "ConductorOnePermissions", PolicyDocument }));
    const operation = await adopt();
    succeeded(operation);
    assert.match(JSON.stringify(operation.result?.warnings), /CloudFormation stack vendor-access/);
    assert.equal(await lifecycle.roleId(roleName), id);
    const { Role } = await iam.send(new GetRoleCommand({ RoleName: roleName }));
    assert.equal(Role?.MaxSessionDuration, 3600);
    const made = await lifecycle.read();
    assert.deepEqual([made.handshake.state, made.proof?.verdict], ["trusted", "green"]);
    const vendor = await asVendor(lifecycle.sandbox, "conductorone");
    const externalId = lifecycle.fixture.context.externalIds[0] ?? "";
    const { s3 } = lifecycle.aws(
      await assumeAs(lifecycle.sandbox, vendor, { roleArn: lifecycle.arn(roleName), sessionName: "sync", externalId }),
    );
    await s3.send(new GetObjectCommand({ Bucket: "acme-directory-exports", Key: "users.csv" }));
  });

  test("the next preview shows no change", async () => {
    const answer = await lifecycle.api.call<{ operation: { id: string } }>("POST", `${lifecycle.route}/preview`, { body });
    const operation = await lifecycle.api.finished(answer.body.operation.id);
    succeeded(operation);
    const { stacks } = operation.result as { stacks: StackPlan[] };
    assert.ok(stacks.length > 0);
    for (const { changes, documents } of stacks) {
      assert.deepEqual(Object.keys(changes), ["same"]);
      assert.deepEqual(documents, []);
    }
  });

  test("from then on it goes the way of every other: after the teardown the account is as it was", async () => {
    succeeded(await lifecycle.destroy("acme", "directory"));
    assert.deepEqual(await lifecycle.inventory(), untouched);
  });
});
