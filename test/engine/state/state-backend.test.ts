import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { emptyCheckpoint, parseCheckpoint } from "../../../src/engine/state/checkpoint.ts";
import { openState } from "../../../src/engine/state/state-backend.ts";
import { problemOf } from "../../../src/problem.ts";
import type { StackAddress } from "../../../stacks/stack.ts";

const address: StackAddress = { kind: "role", project: "drawbridge", stack: "role.x-0a1b2c3d", backendUrl: "s3://b/tenants/acme" };
const urn = (type: string, name: string) => `urn:pulumi:role.x-0a1b2c3d::drawbridge::pulumi:pulumi:Stack$${type}::${name}`;

test("a new stack is an empty checkpoint", () => {
  assert.deepEqual(parseCheckpoint(emptyCheckpoint(address)), { resources: [], pendingOperations: [] });
});

test("an incomplete checkpoint never passes for an empty one", () => {
  const whole = emptyCheckpoint(address);
  for (const text of ["", whole.slice(0, -5), "<html>gone</html>", "null", "{}", '{"version":3,"checkpoint":null}', "[]", '"x"'])
    assert.throws(
      () => parseCheckpoint(text),
      (error) => problemOf(error).code === "state_damaged",
      text,
    );
});

test("a parsed checkpoint has resources and pending steps by logical name and the secrets' key, but no values", () => {
  const latest = {
    secrets_providers: { type: "passphrase", state: { salt: "v1:a:v1:b:c" } },
    resources: [
      { urn: urn("aws:iam/role:Role", "role"), type: "aws:iam/role:Role", id: "Vendor", inputs: { assumeRolePolicy: "external id" } },
      { urn: urn("aws:s3/bucketPolicy:BucketPolicy", "policy"), type: "aws:s3/bucketPolicy:BucketPolicy", id: "b", retainOnDelete: true },
      { urn: urn("a:b:C", "odd::name"), type: "a:b:C" },
    ],
    pending_operations: [
      {
        type: "creating",
        resource: { urn: urn("aws:kms/alias:Alias", "alias"), type: "aws:kms/alias:Alias", inputs: { name: "alias/x" } },
      },
    ],
  };
  const checkpoint = parseCheckpoint(JSON.stringify({ version: 3, checkpoint: { stack: "s", latest } }));
  assert.deepEqual(checkpoint, {
    resources: [
      { name: "role", type: "aws:iam/role:Role", id: "Vendor" },
      { name: "policy", type: "aws:s3/bucketPolicy:BucketPolicy", id: "b", retained: true },
      { name: "odd::name", type: "a:b:C" },
    ],
    pendingOperations: [{ name: "alias", type: "aws:kms/alias:Alias", operation: "creating", physicalName: "alias/x" }],
    secrets: { type: "passphrase", state: { salt: "v1:a:v1:b:c" } },
  });
});

/** An S3 that refuses every read and lists `keys`, as S3 does for a session that may list only its prefix. */
async function refusingS3(t: TestContext, keys: string[]): Promise<string> {
  const server = createServer((request, response) => {
    const isList = request.url?.includes("list-type=2");
    response.writeHead(isList ? 200 : 403, { "content-type": "application/xml" });
    const contents = keys.map((key) => `<Contents><Key>${key}</Key></Contents>`).join("");
    response.end(isList ? `<ListBucketResult>${contents}</ListBucketResult>` : "<Error><Code>AccessDenied</Code></Error>");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const credentials = { accessKeyId: "AKIAX", secretAccessKey: "x" };

test("a refused read means a missing stack only if the listing agrees", async (t) => {
  const key = "tenants/acme/.pulumi/stacks/drawbridge/role.x-0a1b2c3d.json";
  for (const [keys, expected] of [
    [[], undefined],
    [[key], "not_ready"],
    [[`${key}.bak`], undefined],
  ] as const) {
    const backendUrl = `s3://b/tenants/acme?use_path_style=true&endpoint=${await refusingS3(t, [...keys])}`;
    const state = openState({ ...address, backendUrl }, credentials);
    const read = await state.readCheckpoint().catch((error: unknown) => problemOf(error).code);
    state.close();
    assert.equal(read, expected);
  }
});
