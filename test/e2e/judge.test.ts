import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { GetRoleCommand, PutRolePolicyCommand, UpdateAssumeRolePolicyCommand } from "@aws-sdk/client-iam";
import { DeleteBucketPolicyCommand, PutBucketPolicyCommand } from "@aws-sdk/client-s3";
import { tenantThings } from "../../sandbox/accounts.ts";
import type { ExplanationView } from "../../src/http/routes/explain.ts";
import type { Proof } from "../../src/iam/contract/contract.ts";
import type { PolicyDocument } from "../../src/iam/words/policy-document.ts";
import type { Operation } from "../../src/model/operation.ts";
import { startWorld, type World } from "../support/world.ts";

describe("what somebody changes by hand", { concurrency: false }, () => {
  let world: World;
  let bucket: string;
  const RoleName = "ConductorOneIntegration";
  const route = "/v1/tenants/acme/integrations/c1";
  const externalId = "c1-judged-8c1f0e55d2";
  const body = () => ({ blueprint: "conductorone-s3", parameters: { bucket, externalId } });
  const trust = async (): Promise<PolicyDocument> => {
    const { Role } = await world.aws().iam.send(new GetRoleCommand({ RoleName }));
    return JSON.parse(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ""));
  };
  const setTrust = (document: object) =>
    world.aws().iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: JSON.stringify(document) }));
  const verify = async (): Promise<Operation> => {
    const { status, body: answer } = await world.api.call<{ operation: Operation }>("POST", `${route}/verify`);
    assert.equal(status, 202);
    return world.api.finished(answer.operation.id);
  };
  const red = async () => (await world.api.call<Proof>("GET", `${route}/proof`)).body.rows.filter((row) => row.verdict === "red");
  const mended = async () => {
    const { headers } = await world.api.call("GET", route);
    const answer = await world.api.call<{ operation: Operation }>("PUT", route, {
      body: body(),
      headers: { "if-match": headers.get("etag") ?? "" },
    });
    assert.equal(answer.status, 202, "after a red proof the same PUT runs again");
    const operation = await world.api.finished(answer.body.operation.id);
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
  };
  const closed = async () => assert.equal((await trust()).Statement[0]?.Sid, "DrawbridgeClosed");

  before(async () => {
    world = await startWorld();
    bucket = tenantThings.plainBucket(world.sandbox.accounts.tenant.accountId);
    await world.tenant("acme");
    assert.equal((await world.put("acme", "c1", body())).operation.state, "succeeded");
  });
  after(() => world?.stop());

  test("a verify reads anew and says verified", async () => {
    assert.equal((await verify()).state, "succeeded");
    const { body: integration } = await world.api.call<{ handshake: { state: string } }>("GET", route);
    assert.equal(integration.handshake.state, "verified");
  });

  test("a trust widened to an account that no row names is red by closure, and contained", async () => {
    const document = await trust();
    const wider = {
      Effect: "Allow",
      Principal: { AWS: "arn:aws:iam::888877776666:root" },
      Action: "sts:AssumeRole",
      Condition: { StringEquals: { "sts:ExternalId": "theirs" } },
    };
    await setTrust({ ...document, Statement: [...document.Statement, wider] });
    const operation = await verify();
    assert.deepEqual([operation.state, operation.error?.code], ["failed", "proof_failed_contained"]);
    assert.ok((await red()).some((row) => row.id.startsWith("closure/") && row.principal.includes("888877776666")));
    await closed();
    await mended();
    assert.deepEqual(await trust(), document);
  });

  test("a removed condition is red and contained", async () => {
    const document = await trust();
    const [statement] = document.Statement;
    const { Condition: _condition, ...open } = statement ?? { Effect: "Allow" as const };
    await setTrust({ ...document, Statement: [open] });
    assert.equal((await verify()).error?.code, "proof_failed_contained");
    assert.ok((await red()).some((row) => row.action === "sts:AssumeRole" && row.decision === "allowed"));
    await closed();
    await mended();
  });

  test("an operator that nobody knows is red, with the statement named", async () => {
    const document = await trust();
    const [statement] = document.Statement;
    await setTrust({
      ...document,
      Statement: [{ ...statement, Condition: { ...statement?.Condition, StringSortOfEquals: { "aws:PrincipalTag/x": "y" } } }],
    });
    const operation = await verify();
    assert.equal(operation.state, "failed");
    assert.ok((await red()).some((row) => row.decision === "undetermined" && row.because.join(" ").includes("DrawbridgeTrust")));
    await mended();
  });

  test("an added inline policy is red by closure, and the next PUT takes it away", async () => {
    const wide = { Version: "2012-10-17", Statement: [{ Sid: "Sneaky", Effect: "Allow", Action: "s3:PutObject", Resource: "*" }] };
    await world.aws().iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "Sneaky", PolicyDocument: JSON.stringify(wide) }));
    assert.equal((await verify()).error?.code, "proof_failed_contained");
    assert.ok((await red()).some((row) => row.id.includes("Sneaky")));
    await mended();
    assert.equal((await verify()).state, "succeeded");
  });

  test("a foreign Deny that would nullify the grant is refused before anything is written, by its Sid", async () => {
    const { s3 } = world.aws();
    const deny = { Sid: "NobodyReads", Effect: "Deny", Principal: "*", Action: "s3:GetObject", Resource: `arn:aws:s3:::${bucket}/*` };
    await s3.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: JSON.stringify({ Version: "2012-10-17", Statement: [deny] }) }));
    const parameters = { bucket, roleName: "Denied", externalId: "c1-denied-77f0aa31" };
    const { operation } = await world.put("acme", "denied", { blueprint: "conductorone-s3", parameters });
    assert.deepEqual([operation.state, operation.error?.code], ["failed", "foreign_deny"]);
    assert.match(operation.error?.detail ?? "", /NobodyReads/);
    await assert.rejects(world.aws().iam.send(new GetRoleCommand({ RoleName: "Denied" })), /cannot be found|NoSuchEntity/);
    await s3.send(new DeleteBucketPolicyCommand({ Bucket: bucket }));
  });

  test("explain says in three sentences why the vendor may read and not write", async () => {
    const principal = `arn:aws:sts::${world.sandbox.accounts.tenant.accountId}:assumed-role/${RoleName}/sync`;
    const ask = async (action: string) =>
      (
        await world.api.call<ExplanationView>("POST", "/v1/tenants/acme/explain", {
          body: { principal, action, resource: `arn:aws:s3:::${bucket}/x` },
        })
      ).body;
    assert.equal((await ask("s3:GetObject")).decision, "allowed");
    const write = await ask("s3:PutObject");
    assert.equal(write.decision, "implicitly-denied");
    assert.equal(write.sentences.length, 3);
  });
});
