import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { createSts, sessionSeconds } from "../../src/accounts/sts.ts";

test("a session lives as long as an operation may, an end of two minutes, and what AWS allows", () => {
  assert.deepEqual([10, 780, 900, 3_400, 3_600].map(sessionSeconds), [900, 900, 1_020, 3_520, 3_600]);
});

test("AWS is asked for a session of that length", async () => {
  const asked: URLSearchParams[] = [];
  const server = createServer(async (request, response) => {
    asked.push(new URLSearchParams(await text(request)));
    const made = "<AccessKeyId>id</AccessKeyId><SecretAccessKey>key</SecretAccessKey><SessionToken>token</SessionToken>";
    const end = "<Expiration>2030-01-01T00:00:00Z</Expiration>";
    response.setHeader("content-type", "text/xml");
    response.end(`<AssumeRoleResponse><AssumeRoleResult><Credentials>${made}${end}</Credentials></AssumeRoleResult></AssumeRoleResponse>`);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  process.env["AWS_ACCESS_KEY_ID"] = "own";
  process.env["AWS_SECRET_ACCESS_KEY"] = "own";
  try {
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const stateRoleArn = "arn:aws:iam::444455556666:role/State";
    const options = { endpoint, region: "us-east-1", ownCredentials: false, stateUrl: "s3://state", stateRoleArn, operationSeconds: 900 };
    const credentials = await createSts(options).stateCredentials("acme", "op-1");
    assert.equal(credentials.sessionToken, "token");
    assert.deepEqual(
      asked.map((form) => [form.get("Action"), form.get("DurationSeconds"), form.get("RoleSessionName")]),
      [["AssumeRole", "1020", "op-1"]],
    );
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
