/** The end of a rotation's overlap, with a clock that the test moves. It needs no request. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { keepAutomating } from "../../src/app/timers.ts";
import { desiredIntegrationOf } from "../../src/integrations/desired-integration.ts";
import { endOverlaps } from "../../src/integrations/rotate-external-id.ts";
import type { IntegrationRecord, UpRequest } from "../../src/model/integration.ts";
import { changeIntegration, findIntegration } from "../../src/store/integrations.ts";
import { createOperation, openOperations } from "../../src/store/operations.ts";
import { cancelWaiting } from "../../src/store/transitions.ts";
import { type Running, start } from "../http/support.ts";

const path = "/v1/tenants/acme/integrations/c1";
const [first, second] = ["c1-first-7d1f6a93b2e8", "c1-second-0c5b7f31aa92"];
let service: Running;
let now = Date.parse("2026-11-22T03:00:00Z");
const later = (seconds: number) => {
  now += seconds * 1_000;
};
const rotations = async () => (await openOperations(service.store.db, "acme", "c1")).filter(({ kind }) => kind === "rotate");
const ids = async () => (await findIntegration(service.store.db, "acme", "c1"))?.externalIds.map(({ id }) => id);
/** The ids that the trust of an operation would contain if it ran now. */
const taken = async (request: unknown) => (await desiredIntegrationOf(service.context, request as UpRequest, "c1")).externalIds;

before(async () => {
  service = await start();
  service.context.now = () => new Date(now).toISOString();
  const access = { mode: "assume-role", roleArn: "arn:aws:iam::111122223333:role/DrawbridgeProvisioning" };
  await service.call("PUT", "/v1/tenants/acme", { body: { accountId: "111122223333", region: "us-east-1", access } });
  const parameters = { bucket: "acme-exports", externalId: first };
  assert.equal((await service.call("PUT", path, { body: { blueprint: "conductorone-s3", parameters } })).status, 202);
  const rotated = await service.call("POST", `${path}/external-id`, { body: { externalId: second, overlapMinutes: 30 } });
  assert.equal(rotated.status, 202);
});
after(() => service?.close());

test("during the overlap both ids work, and the sweep doesn't change them", async () => {
  const [rotation] = await rotations();
  assert.deepEqual(await taken(rotation?.request), [first, second]);
  later(30 * 60 - 1);
  assert.deepEqual(await taken(rotation?.request), [first, second]);
  assert.equal(await endOverlaps(service.context), 0);
  assert.deepEqual(await ids(), [first, second]);
});

const change = (to: (now: IntegrationRecord) => IntegrationRecord) => changeIntegration(service.store.db, "acme", "c1", to);

test("after the overlap, the sweep opens no operation for an integration that is being destroyed or that a failed teardown has closed", async () => {
  later(2);
  const destroy = { kind: "destroy", tenant: "acme", integration: "c1", request: {}, requestedBy: "me", deadlineSeconds: 60 } as const;
  const { id } = await createOperation(service.store.db, destroy);
  assert.equal(await endOverlaps(service.context), 0);
  await cancelWaiting(service.store.db, id);
  await change((now) => ({ ...now, closedByTeardown: true }));
  assert.equal(await endOverlaps(service.context), 0);
  assert.deepEqual(await ids(), [first, second]);
  await change(({ closedByTeardown: _closed, ...now }) => now);
});

test("after a teardown that was cancelled before it closed anything, the sweep still removes the old id", async () => {
  const { handshake } = await change((now) => now);
  await change((now) => ({ ...now, handshake: { state: "offboarding", awaiting: [] } }));
  assert.equal(await endOverlaps(service.context), 1);
  assert.deepEqual(await ids(), [second]);
  for (const { id, requestedBy } of await rotations()) if (requestedBy === "drawbridge") await cancelWaiting(service.store.db, id);
  const until = new Date(now - 1_000).toISOString();
  await change((record) => {
    const [last] = record.externalIds;
    assert.ok(last);
    return { ...record, handshake, externalIds: [{ ...last, id: first, until }, last] };
  });
});

test("the next round of the sweep opens exactly one operation, which trusts only the new id", async () => {
  const before = (await rotations()).length;
  const rounds = new AbortController();
  const sweeping = keepAutomating(service.context, { everySeconds: 0.02, keepDays: 90, signal: rounds.signal });
  for (let tries = 0; tries < 200 && (await rotations()).length === before; tries++) await new Promise((done) => setTimeout(done, 20));
  await new Promise((done) => setTimeout(done, 100));
  rounds.abort();
  await sweeping;
  const all = await rotations();
  assert.equal(all.length, before + 1);
  const ending = all.at(-1);
  assert.ok(ending);
  assert.equal(ending.requestedBy, "drawbridge");
  assert.deepEqual(
    (ending.request as unknown as UpRequest).externalIds.map(({ id }) => id),
    [second],
  );
  assert.deepEqual(await ids(), [second]);
});

test("an operation that was accepted during the overlap and runs after it doesn't bring the old id back", async () => {
  const [rotation] = await rotations();
  assert.deepEqual(await taken(rotation?.request), [second]);
});

test("the old id can't be used again", async () => {
  const again = await service.call("POST", `${path}/external-id`, { body: { externalId: first } });
  assert.deepEqual([again.status, again.json.code], [409, "external_id_superseded"]);
});
