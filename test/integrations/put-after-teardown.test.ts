/** A PUT of the same body after a teardown that didn't end: the integration isn't unchanged, since its access may be closed. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { IntegrationRecord } from "../../src/model/integration.ts";
import { changeIntegration } from "../../src/store/integrations.ts";
import { integrationBodyFixture as body } from "../http/bodies.ts";
import { seed } from "../http/seed.ts";
import { type Running, start } from "../http/support.ts";

const c1 = "/v1/tenants/acme/integrations/c1";
let service: Running;
before(async () => {
  service = await start();
});
after(() => service?.close());
beforeEach(() => seed(service.context));

const put = async () => (await service.call("PUT", c1, { body })).status;
const change = (to: Partial<IntegrationRecord>) => changeIntegration(service.store.db, "acme", "c1", (now) => ({ ...now, ...to }));

test("without a teardown, the PUT starts nothing", async () => {
  assert.equal(await put(), 200);
});

test("after a teardown that closed the trusts and failed, an update opens them again", async () => {
  await change({ closedByTeardown: true });
  assert.equal(await put(), 202);
});

test("after a teardown that was cancelled before it began, an update restores the handshake", async () => {
  const { json } = await service.call("DELETE", c1);
  assert.equal((await service.call("POST", `/v1/operations/${json.operation?.id}/cancel`, { body: {} })).json.state, "cancelled");
  assert.equal(await put(), 202);
});
