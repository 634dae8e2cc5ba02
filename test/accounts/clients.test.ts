import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { GetBucketPolicyCommand } from "@aws-sdk/client-s3";
import { deleteEmptiedBucketPolicy } from "../../src/accounts/actions.ts";
import { type AccountClients, accountClients } from "../../src/accounts/clients.ts";
import { readBucket, readBucketPolicy } from "../../src/accounts/live-documents.ts";
import { emptiedPolicy } from "../../src/accounts/own-statements.ts";
import { ourSid } from "../../src/iam/words/sid.ts";

const owner = "111122223333";
let seen: { method: string | undefined; url: string | undefined; owner: string | string[] | undefined }[] = [];
let clients: AccountClients;

/** Any S3: what counts is what is asked of it. */
const server = createServer((request, response) => {
  seen.push({ method: request.method, url: request.url, owner: request.headers["x-amz-expected-bucket-owner"] });
  response.writeHead(200, { "x-amz-bucket-region": "eu-west-1" }).end();
});

before(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "secret", sessionToken: "token" };
  clients = accountClients({ endpoint }, "eu-west-1", credentials, (_write, send) => send());
});
after(() => server.close());
beforeEach(() => {
  seen = [];
});

test("every look at a bucket and every change of it names the account that must own it", async () => {
  await readBucket(clients.s3, "reports", owner, "eu-west-1");
  await readBucketPolicy(clients.s3, "reports", owner);
  const integration = { tenant: { name: "acme", accountId: owner }, integration: "c1" };
  const Statement = [{ Sid: ourSid("acme", "c1", "read"), Effect: "Allow" as const, Action: "s3:GetObject" }];
  const emptied = emptiedPolicy("reports", { Version: "2012-10-17", Statement }, integration);
  assert.ok(emptied);
  await deleteEmptiedBucketPolicy(clients.s3, emptied, owner);
  assert.equal(seen.length, 7);
  assert.deepEqual([...new Set(seen.map((one) => one.owner))], [owner]);
  assert.deepEqual([seen[0]?.method, seen.at(-1)?.method], ["HEAD", "DELETE"]);
});

test("a call without an expected owner never leaves", async () => {
  await assert.rejects(
    clients.s3.send(new GetBucketPolicyCommand({ Bucket: "reports" })),
    /GetBucketPolicyCommand .* without an expected owner/,
  );
  assert.deepEqual(seen, []);
});
