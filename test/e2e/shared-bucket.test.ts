import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { GetRoleCommand } from "@aws-sdk/client-iam";
import {
  CreateBucketCommand,
  DeleteBucketPolicyCommand,
  DeletePublicAccessBlockCommand,
  GetBucketPolicyCommand,
  PutBucketPolicyCommand,
  PutPublicAccessBlockCommand,
} from "@aws-sdk/client-s3";
import { tenantThings } from "../../sandbox/accounts.ts";
import type { PolicyDocument, Statement } from "../../src/iam/words/policy-document.ts";
import type { OperationEvent } from "../../src/model/operation.ts";
import { startWorld, type World } from "../support/world.ts";

/** What AWS counts as the same: no white space, keys in one order. */
const normal = (document: unknown): string =>
  JSON.stringify(document, (_key, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );

describe("several integrations and a stranger write in one bucket's policy", { concurrency: false }, () => {
  let world: World;
  let shared: string;
  let plain: string;
  let original: PolicyDocument;

  const read = async (bucket: string): Promise<PolicyDocument | undefined> => {
    const { s3 } = world.aws();
    return s3.send(new GetBucketPolicyCommand({ Bucket: bucket })).then(
      ({ Policy }) => JSON.parse(Policy ?? "null"),
      (error: Error) => {
        if (error.name === "NoSuchBucketPolicy") return undefined;
        throw error;
      },
    );
  };
  const body = (bucket: string, roleName: string, bucketPolicy = "least") => ({
    blueprint: "creative-force-s3",
    parameters: {
      mode: "data-source",
      bucket,
      encryption: { type: "SSE-S3" },
      bucketPolicy,
      roleName,
      externalId: `cf-${roleName.toLowerCase()}-3f9ac07de1`,
    },
  });
  const ours = (policy: PolicyDocument | undefined): Statement[] =>
    (policy?.Statement ?? []).filter(({ Sid }) => Sid?.startsWith("Drawbridge"));
  const foreign = (policy: PolicyDocument | undefined): Statement[] =>
    (policy?.Statement ?? []).filter(({ Sid }) => !Sid?.startsWith("Drawbridge"));

  before(async () => {
    world = await startWorld();
    const { accountId } = world.sandbox.accounts.tenant;
    shared = tenantThings.sharedBucket(accountId);
    plain = tenantThings.plainBucket(accountId);
    await world.tenant("acme");
    await world.tenant("globex");
    for (const bucket of [shared, plain]) {
      const grant = await world.api.call("POST", "/v1/claims/grants", { body: { tenant: "globex", resource: `bucket/${bucket}` } });
      assert.equal(grant.status, 201);
    }
    const policy = await read(shared);
    assert.ok(policy);
    original = policy;
  });
  after(() => world?.stop());

  test("three of two tenants, at once: every grant is there, the stranger's statements word for word and in order", async () => {
    const made = await Promise.all([
      world.put("acme", "images", body(shared, "Images")),
      world.put("acme", "videos", body(shared, "Videos")),
      world.put("globex", "images", body(shared, "GlobexImages")),
    ]);
    for (const { operation } of made) assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    const policy = await read(shared);
    assert.equal(ours(policy).length, 3);
    assert.equal(new Set(ours(policy).map(({ Sid }) => Sid)).size, 3);
    assert.deepEqual(foreign(policy), original.Statement);
  });

  test("an edit made by hand between two operations survives", async () => {
    const now = await read(shared);
    const byHand: Statement = {
      Sid: "ByHand",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:PutBucketAcl",
      Resource: `arn:aws:s3:::${shared}`,
    };
    const edited = { ...now, Statement: [byHand, ...(now?.Statement ?? [])] };
    await world.aws().s3.send(new PutBucketPolicyCommand({ Bucket: shared, Policy: JSON.stringify(edited) }));
    const { operation } = await world.put("acme", "images", {
      ...body(shared, "Images"),
      parameters: { ...body(shared, "Images").parameters, mode: "delivery" },
    });
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    const policy = await read(shared);
    assert.deepEqual(foreign(policy), [byHand, ...original.Statement]);
    assert.equal(ours(policy).length, 3);
    const without = { ...policy, Statement: (policy?.Statement ?? []).filter(({ Sid }) => Sid !== "ByHand") };
    await world.aws().s3.send(new PutBucketPolicyCommand({ Bucket: shared, Policy: JSON.stringify(without) }));
  });

  test("the document that a write replaced is found in the operation's events", async () => {
    const { operation } = await world.put("globex", "images", {
      ...body(shared, "GlobexImages"),
      parameters: { ...body(shared, "GlobexImages").parameters, mode: "delivery" },
    });
    const { body: events } = await world.api.call<{ items: OperationEvent[] }>("GET", `/v1/operations/${operation.id}/events?after=0`);
    const prior = events.items.find(({ type }) => type === "bucket-policy-read")?.data.prior as PolicyDocument;
    assert.equal(ours(prior).length, 3);
    assert.deepEqual(foreign(prior), original.Statement);
  });

  test("one goes: the others' grants stay, and still change", async () => {
    assert.equal((await world.destroy("acme", "images")).state, "succeeded");
    assert.equal(ours(await read(shared)).length, 2);
    assert.deepEqual(foreign(await read(shared)), original.Statement);
    const { operation } = await world.put("acme", "videos", {
      ...body(shared, "Videos"),
      parameters: { ...body(shared, "Videos").parameters, mode: "delivery" },
    });
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    assert.equal(ours(await read(shared)).length, 2);
  });

  test("bucketPolicy none takes the statement away and leaves the role", async () => {
    const { operation, integration } = await world.put("acme", "videos", body(shared, "Videos", "none"));
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    assert.deepEqual(
      integration.stacks.map(({ kind }) => kind),
      ["role"],
    );
    assert.equal(ours(await read(shared)).length, 1);
  });

  test("all go: the policy is what it was, byte for byte after normalisation", async () => {
    const ended = await Promise.all([world.destroy("acme", "videos"), world.destroy("globex", "images")]);
    for (const operation of ended) assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    assert.equal(normal(await read(shared)), normal(original));
  });

  test("where there was no policy there is none again", async () => {
    assert.equal(await read(plain), undefined);
    const { operation } = await world.put("acme", "alone", body(plain, "Alone"));
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    assert.equal(ours(await read(plain)).length, 1);
    assert.equal((await world.destroy("acme", "alone")).state, "succeeded");
    assert.equal(await read(plain), undefined);
  });

  test("a deleted principal, a document at its limit, a blocked public one: refused by name, with nothing made", async () => {
    const { s3, iam } = world.aws();
    const put = (statements: Statement[]) =>
      s3.send(new PutBucketPolicyCommand({ Bucket: plain, Policy: JSON.stringify({ Version: "2012-10-17", Statement: statements }) }));
    const stale: Statement = {
      Sid: "Old",
      Effect: "Allow",
      Principal: { AWS: "AROAEXAMPLEEXAMPLE123" },
      Action: "s3:GetObject",
      Resource: `arn:aws:s3:::${plain}/*`,
    };
    const long = (index: number): Statement => ({
      Sid: `Long${index}`,
      Effect: "Deny",
      Principal: { AWS: `arn:aws:iam::${world.sandbox.accounts.tenant.accountId}:root` },
      Action: "s3:DeleteObject",
      Resource: Array.from({ length: 10 }, (_, part) => `arn:aws:s3:::${plain}/${"x".repeat(180)}/${index}-${part}`),
    });
    const cases: [string, Statement[]][] = [
      ["stale_principal", [stale]],
      ["policy_too_large", Array.from({ length: 9 }, (_, index) => long(index))],
    ];
    for (const [code, statements] of cases) {
      await put(statements);
      const before = normal(await read(plain));
      const { operation } = await world.put("acme", "refused", body(plain, "Refused"));
      assert.deepEqual([operation.state, operation.error?.code], ["failed", code]);
      assert.equal(normal(await read(plain)), before);
      await assert.rejects(iam.send(new GetRoleCommand({ RoleName: "Refused" })), /cannot be found|NoSuchEntity/);
      assert.equal((await world.destroy("acme", "refused")).state, "succeeded");
    }
    const open: Statement = {
      Sid: "Open",
      Effect: "Allow",
      Principal: "*",
      Action: "s3:GetObject",
      Resource: `arn:aws:s3:::${plain}/public/*`,
    };
    await s3.send(new DeletePublicAccessBlockCommand({ Bucket: plain }));
    await put([open]);
    const block = { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: false };
    await s3.send(new PutPublicAccessBlockCommand({ Bucket: plain, PublicAccessBlockConfiguration: block }));
    const { operation } = await world.put("acme", "refused", body(plain, "Refused"));
    assert.deepEqual([operation.state, operation.error?.code], ["failed", "public_policy_blocked"]);
    await s3.send(new DeleteBucketPolicyCommand({ Bucket: plain }));
    const made = await world.put("acme", "refused", body(plain, "Refused"));
    assert.equal(made.operation.state, "succeeded", "BlockPublicPolicy alone is no obstacle");
    assert.equal((await world.destroy("acme", "refused")).state, "succeeded");
  });

  test("a bucket that isn't there, or is another account's, or another region's, is refused by name", async () => {
    const absent = await world.put("acme", "absent", body("drawbridge-no-such-bucket", "Absent"));
    assert.equal(absent.operation.error?.code, "bucket_not_found");
    const theirs = tenantThings.plainBucket(world.sandbox.accounts.neighbour.accountId);
    const other = await world.put("acme", "theirs", body(theirs, "Theirs"));
    assert.equal(other.operation.error?.code, "bucket_not_owned");
    const { s3 } = world.aws();
    await s3.send(
      new CreateBucketCommand({ Bucket: "drawbridge-far-away", CreateBucketConfiguration: { LocationConstraint: "eu-central-1" } }),
    );
    const far = await world.put("acme", "far", body("drawbridge-far-away", "Far"));
    assert.equal(far.operation.error?.code, "bucket_wrong_region");
  });
});
