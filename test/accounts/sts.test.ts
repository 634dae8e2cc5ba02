import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { createSts, sessionSeconds } from "../../src/accounts/sts.ts";
import type { TenantRecord } from "../../src/model/tenant.ts";

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

/** An account whose role opens for the external ids that `opens` lets pass. Answers every id that it was asked with. */
async function account(t: TestContext, opens: (externalId: string | null) => boolean, accountId = "111122223333") {
  const ids: (string | null)[] = [];
  const server = createServer(async (request, response) => {
    const form = new URLSearchParams(await text(request));
    response.setHeader("content-type", "text/xml");
    if (form.get("Action") === "GetCallerIdentity") {
      response.end(
        `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>${accountId}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`,
      );
      return;
    }
    ids.push(form.get("ExternalId"));
    if (!opens(form.get("ExternalId"))) {
      response.statusCode = 403;
      response.end("<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>");
      return;
    }
    const made = "<AccessKeyId>id</AccessKeyId><SecretAccessKey>key</SecretAccessKey><SessionToken>token</SessionToken>";
    response.end(`<AssumeRoleResponse><AssumeRoleResult><Credentials>${made}</Credentials></AssumeRoleResult></AssumeRoleResponse>`);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: "own", AWS_SECRET_ACCESS_KEY: "own" });
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options = { endpoint, region: "us-east-1", ownCredentials: false, stateUrl: "s3://state", operationSeconds: 900 };
  const tenant = {
    name: "acme",
    accountId: "111122223333",
    region: "us-east-1",
    access: { mode: "assume-role", roleArn: "arn:aws:iam::111122223333:role/Provisioning" },
    provisioningExternalId: "the-stored-id",
  } as TenantRecord;
  const { enterAccount } = createSts(options);
  return { ids, enter: () => enterAccount(tenant, "op-1") };
}

test("a role that opens without an external id, or with any, isn't used", async (t) => {
  for (const opens of [() => true, (id: string | null) => id !== null]) {
    const { enter } = await account(t, opens);
    await assert.rejects(enter(), /provisioning_role_open/);
  }
});

test("a role that opens for its id alone is tried with none and a made-up one, once a day", async (t) => {
  const { ids, enter } = await account(t, (id) => id === "the-stored-id");
  assert.equal((await enter()).sessionToken, "token");
  assert.equal(ids.length, 3);
  assert.ok(ids.includes("the-stored-id") && ids.includes(null));
  await enter();
  assert.deepEqual(ids.slice(3), ["the-stored-id"]);
});

test("credentials that turn out to be another account's aren't used", async (t) => {
  const { enter } = await account(t, (id) => id === "the-stored-id", "999999999999");
  await assert.rejects(enter(), /account_mismatch/);
});
