import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { assumeAs } from "../../../sandbox/vendor.ts";
import { assertHandOff, liveAs, refused, succeeded, type VendorLifecycle } from "./vendor-lifecycle.ts";

const roleName = "InfoSumImportAcme";
const second = "9b1d3f5a7c2e4068a1c3e5f70819b2d4f6a8c0e1b3d5f7091a2c4e6f80b1d3f5";
const third = "0c2e4a6b8d1f3057b2d4f6a81920c3e5a7b9d1f2c4e6a8102b3d5f7a91c2e4a6";

describe("InfoSum, from a role that nobody can assume to nothing at all", { concurrency: false }, () => {
  let lifecycle: VendorLifecycle;
  let untouched: unknown;
  let id: string | undefined;
  let first = "";

  /** As InfoSum's connector, in a session of this name. */
  const session = async (externalId: string | undefined, sessionName = "acme-import") => {
    const { assumeFirst, ...keys } = lifecycle.sandbox.accounts.infosum;
    const connector = await assumeAs(lifecycle.sandbox, keys, { roleArn: assumeFirst?.roleArn ?? "", sessionName });
    return assumeAs(lifecycle.sandbox, connector, {
      roleArn: lifecycle.arn(roleName),
      sessionName: "import",
      ...(externalId && { externalId }),
    });
  };
  const reads = async (Bucket: string, Key: string, externalId: string, sessionName?: string) => {
    const { s3 } = lifecycle.aws(await session(externalId, sessionName));
    await s3.send(new GetObjectCommand({ Bucket, Key }));
  };

  before(async () => {
    const objects = ["infosum/in/people.csv", "infosum/next/people.csv", "payroll.csv"];
    lifecycle = await liveAs("infosum", "prefix-and-key", { "acme-audiences": objects, "acme-audiences-2": objects });
    untouched = await lifecycle.inventory();
    first = lifecycle.fixture.context.externalIds[0] ?? "";
  });
  after(() => lifecycle?.stop());

  test("phase 1: without an id the role exists, and evaluator and AWS agree that nobody can assume it", async () => {
    const { kmsKeyArn: _, ...parameters } = lifecycle.fixture.parameters;
    const made = await lifecycle.up(parameters);
    assert.equal(made.handshake.state, "awaiting-external-id");
    assert.deepEqual(
      made.handshake.awaiting.map(({ what, from }) => [what, from]),
      [["externalId", "vendor"]],
    );
    const proof = await lifecycle.proof();
    assert.equal(proof.trust, "closed");
    const assuming = proof.rows.filter(({ action }) => action === "sts:AssumeRole");
    assert.ok(assuming.length > 0 && assuming.every(({ expect, decision }) => expect === "deny" && decision !== "allowed"));
    await assert.rejects(session(first), refused);
    await assert.rejects(session(undefined), refused);
    id = await lifecycle.roleId(roleName);
    assert.ok(id);
  });

  test("phase 2: the id that InfoSum made opens it in place, for exactly one session", async () => {
    succeeded(await lifecycle.verb("external-id", { externalId: first }));
    const made = await lifecycle.read();
    assert.equal(made.handshake.state, "trusted");
    assert.equal(await lifecycle.roleId(roleName), id);
    await reads("acme-audiences", "infosum/in/people.csv", first);
    await assert.rejects(reads("acme-audiences", "payroll.csv", first), refused);
    await assert.rejects(session(first, "another-import"), refused);
    await assert.rejects(session(undefined), refused);
    const { s3 } = lifecycle.aws(await session(first));
    await s3.send(new ListObjectsV2Command({ Bucket: "acme-audiences", Prefix: "infosum/in/" }));
    await assert.rejects(s3.send(new ListObjectsV2Command({ Bucket: "acme-audiences" })), refused);
    await assert.rejects(s3.send(new PutObjectCommand({ Bucket: "acme-audiences", Key: "infosum/in/x", Body: "x" })), refused);
  });

  test("with the account's key the hand-off is the fixture's, and the proof holds a row for the key", async () => {
    const kmsKeyArn = lifecycle.sandbox.accounts.tenant.keyArn ?? "";
    assertHandOff(await lifecycle.up({ ...lifecycle.fixture.parameters, kmsKeyArn }), lifecycle.fixture);
    const { rows } = await lifecycle.proof();
    assert.ok(rows.some((row) => row.action === "kms:Decrypt" && row.expect === "allow" && row.resource === kmsKeyArn));
  });

  test("bucket, prefix and session change in place; the role's name can't", async () => {
    const { kmsKeyArn: _, ...original } = lifecycle.fixture.parameters;
    const parameters = { ...original, bucket: "acme-audiences-2", prefix: "infosum/next/", sessionName: "other-import" };
    await lifecycle.up(parameters);
    assert.equal(await lifecycle.roleId(roleName), id);
    await reads("acme-audiences-2", "infosum/next/people.csv", first, "other-import");
    await assert.rejects(reads("acme-audiences-2", "infosum/in/people.csv", first, "other-import"), refused);
    await assert.rejects(reads("acme-audiences", "infosum/in/people.csv", first, "other-import"), refused);
    await assert.rejects(session(first), refused);
    const { headers } = await lifecycle.api.call("GET", lifecycle.route);
    const moved = await lifecycle.api.call<{ code: string }>("PUT", lifecycle.route, {
      body: { blueprint: "infosum-s3", parameters: { ...parameters, roleName: "Another" } },
      headers: { "if-match": headers.get("etag") ?? "" },
    });
    assert.deepEqual([moved.status, moved.body.code], [409, "immutable_field"]);
    await lifecycle.up(original);
  });

  test("during a rotation's overlap both ids work; after it the newest alone, and an old one never again", async () => {
    succeeded(await lifecycle.verb("external-id", { externalId: second, overlapMinutes: 60 }));
    const rotating = await lifecycle.read();
    assert.equal(rotating.handshake.state, "rotating");
    assert.ok(rotating.externalIds.some(({ until }) => until !== undefined));
    await Promise.all([session(first), session(second)]);
    succeeded(await lifecycle.verb("external-id", { externalId: third }));
    await session(third);
    await assert.rejects(session(first), refused);
    await assert.rejects(session(second), refused);
    const back = await lifecycle.api.call<{ code: string }>("POST", `${lifecycle.route}/external-id`, { body: { externalId: first } });
    assert.deepEqual([back.status, back.body.code], [409, "external_id_superseded"]);
    assert.equal(await lifecycle.roleId(roleName), id);
    succeeded(await lifecycle.verb("verify"));
    assert.equal((await lifecycle.read()).handshake.state, "verified");
  });

  test("after the teardown the account is as it was", async () => {
    succeeded(await lifecycle.destroy("acme", "audience"));
    assert.deepEqual(await lifecycle.inventory(), untouched);
    await assert.rejects(session(third), refused);
  });
});
