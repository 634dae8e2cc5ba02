/**
 * An integration whose blueprint isn't in this release any more can be read, listed and destroyed. Everything that needs the blueprint says
 * so.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { endOverlaps } from "../../src/integrations/rotate-external-id.ts";
import { changeIntegration, findIntegration } from "../../src/store/integrations.ts";
import { openOperations } from "../../src/store/operations.ts";
import type { CallOptions, Reply } from "../http/call.ts";
import { assertDocumented } from "../http/documented.ts";
import { type Running, start } from "../http/support.ts";

let service: Running;
const path = "/v1/tenants/acme/integrations";

before(async () => {
  service = await start();
  const access = { mode: "assume-role", roleArn: "arn:aws:iam::111122223333:role/DrawbridgeProvisioning" };
  await ask("PUT", "/v1/tenants/acme", { body: { accountId: "111122223333", region: "us-east-1", access } });
  for (const name of ["kept", "lost"]) {
    const parameters = { bucket: "acme-exports", externalId: `c1-of-${name}-7d1f6a93b2e8` };
    assert.equal((await ask("PUT", `${path}/${name}`, { body: { blueprint: "conductorone-s3", parameters } })).status, 202);
  }
  const { db } = service.store;
  const address = {
    kind: "role",
    backendUrl: "s3://drawbridge-state/tenants/acme?region=us-east-1",
    project: "drawbridge",
    stack: "role.lost-0a1b2c3d",
  };
  const inputs = { name: "Vendor-lost", path: "/", trust: { Version: "2012-10-17", Statement: [] }, inlinePolicies: [], tags: {} };
  const spec = { kind: "role", key: "lost", inputs: { ...inputs, managedPolicyArns: [], maxSessionDuration: 3600 } };
  for (const name of ["kept", "lost"]) {
    await changeIntegration(db, "acme", name, (record) => ({
      ...record,
      ...(name === "lost" && { blueprint: "vanished-vendor", stacks: [{ spec, address, status: "up" }] as never }),
      externalIds: record.externalIds.map((entry) => ({ ...entry, until: "2020-01-01T00:00:00.000Z" })),
    }));
  }
});
after(() => service?.close());

async function ask(method: string, url: string, options: CallOptions = {}): Promise<Reply> {
  const reply = await service.call(method, url, options);
  assertDocumented(method, url, reply);
  return reply;
}

test("it is read and listed like any other, without a hand-off", async () => {
  const one = await ask("GET", `${path}/lost`);
  assert.equal(one.status, 200);
  assert.equal(one.json.blueprint, "vanished-vendor");
  assert.equal(one.json.handOff, undefined);
  const all = await ask("GET", path);
  assert.equal(all.status, 200);
  assert.deepEqual(
    (all.json.items as unknown as { name: string }[]).map(({ name }) => name),
    ["kept", "lost"],
  );
});

test("the hand-off and a new external id are refused and name the missing blueprint", async () => {
  const handOff = await ask("GET", `${path}/lost/hand-off`);
  assert.deepEqual([handOff.status, handOff.json.code], [422, "unknown_blueprint"]);
  const rotated = await ask("POST", `${path}/lost/external-id`, { body: { externalId: "c1-new-7d1f6a93b2e84c05", overlapMinutes: 0 } });
  assert.deepEqual([rotated.status, rotated.json.code], [422, "unknown_blueprint"]);
});

test("its overlap can't be ended, and this doesn't stop the others", async () => {
  assert.equal(await endOverlaps({ ...service.context }), 1);
  assert.deepEqual((await findIntegration(service.store.db, "acme", "kept"))?.externalIds, []);
});

test("DELETE accepts its teardown from the recorded stacks", async () => {
  const reply = await ask("DELETE", `${path}/lost`);
  assert.equal(reply.status, 202);
  const open = await openOperations(service.store.db, "acme", "lost");
  assert.deepEqual([open.at(-1)?.kind, open.at(-1)?.stacks.map(({ stack }) => stack)], ["destroy", ["role.lost-0a1b2c3d"]]);
});
