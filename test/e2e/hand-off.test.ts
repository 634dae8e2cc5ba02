import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { HandOffView } from "../../src/http/hand-off.ts";
import type { Proof } from "../../src/iam/contract.ts";
import { startWorld, type World } from "../support/world.ts";

describe("a tenant whose account is never entered", { concurrency: false }, () => {
  let world: World;
  const route = "/v1/tenants/closed/integrations/c1";
  before(async () => {
    world = await startWorld();
    const body = { accountId: "999988887777", region: "eu-west-1", access: { mode: "hand-off" } };
    assert.equal((await world.api.call("PUT", "/v1/tenants/closed", { body })).status, 201);
  });
  after(() => world?.stop());

  test("gets its documents judged, and nothing made", async () => {
    const parameters = { bucket: "their-bucket", externalId: "c1-hand-off-04f1c2" };
    const { operation, integration } = await world.put("closed", "c1", { blueprint: "conductorone-s3", parameters });
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    assert.equal(integration.handshake.state, "awaiting-customer");
    assert.deepEqual(integration.stacks, []);
    const { body: proof } = await world.api.call<Proof>("GET", `${route}/proof`);
    assert.equal(proof.verdict, "green");
    assert.match(proof.notCovered[0] ?? "", /doesn't enter it/);
  });

  test("is handed the vendor's fields, the documents and a template with the external id whole", async () => {
    const { body } = await world.api.call<HandOffView>("GET", `${route}/hand-off`);
    assert.deepEqual(
      body.fields.map(({ field, value }) => [field, value]),
      [
        ["Role ARN", "arn:aws:iam::999988887777:role/ConductorOneIntegration"],
        ["Bucket name", "their-bucket"],
      ],
    );
    assert.match(JSON.stringify(body.template), /c1-hand-off-04f1c2/);
    assert.match(JSON.stringify(body.template), /"DeletionPolicy":"Retain"/);
    const headers = { authorization: `Bearer ${world.service.token}` };
    const markdown = await fetch(`${world.service.url}${route}/hand-off?format=markdown`, { headers });
    assert.match(markdown.headers.get("content-type") ?? "", /^text\/markdown/);
    assert.match(await markdown.text(), /\| Role ARN \|/);
  });

  test("is taken away without a call", async () => {
    assert.equal((await world.destroy("closed", "c1")).state, "succeeded");
  });
});
