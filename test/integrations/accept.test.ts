/** A wish that was read while the integration lived, and is accepted after its destroy has buried it. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accept } from "../../src/integrations/accept.ts";
import { desiredStacks } from "../../src/integrations/desired-stacks.ts";
import { recordedWish } from "../../src/integrations/wish.ts";
import { changeIntegration, findIntegration } from "../../src/store/integrations.ts";
import { openOperations } from "../../src/store/operations.ts";
import type { IntegrationRecord } from "../../src/store/records.ts";
import { findTenant } from "../../src/store/tenants.ts";
import { type RealService, startReal } from "../http/real.ts";

const path = "/v1/tenants/acme/integrations/c1";
const body = { blueprint: "conductorone-s3", parameters: { bucket: "acme-exports", externalId: "c1-first-7d1f6a93b2e8" } };
let service: RealService;
let alive: IntegrationRecord;
const there = async () => findIntegration(service.store.db, "acme", "c1");

before(async () => {
  service = await startReal();
  const access = { mode: "assume-role", roleArn: "arn:aws:iam::111122223333:role/DrawbridgeProvisioning" };
  await service.call("PUT", "/v1/tenants/acme", { body: { accountId: "111122223333", region: "us-east-1", access } });
  assert.equal((await service.call("PUT", path, { body })).status, 202);
  alive = (await there()) as IntegrationRecord;
  await changeIntegration(service.store.db, "acme", "c1", (record) => ({
    ...record,
    externalIds: [],
    handshake: { state: "gone", awaiting: [] },
    goneAt: service.shell.now(),
  }));
});
after(() => service?.close());

test("what changes the integration that was is refused, and the tombstone stays as it is", async () => {
  const { db } = service.store;
  const [tenant, tombstone, open] = [await findTenant(db, "acme"), await there(), await openOperations(db, "acme", "c1")];
  assert.ok(tenant);
  const desired = desiredStacks(tenant, await recordedWish(service.shell, alive));
  const late = accept(service.shell, {
    kind: "rotate",
    next: { ...alive, updatedAt: service.shell.now() },
    desired,
    requestedBy: "tester",
  });
  await assert.rejects(late, ({ problem }: { problem: { code: string } }) => problem.code === "not_found");
  assert.deepEqual(await there(), tombstone);
  assert.deepEqual(await openOperations(db, "acme", "c1"), open);
});

test("a PUT that meets the tombstone begins another life", async () => {
  const answer = await service.call("PUT", path, { body });
  assert.equal(answer.status, 202);
  const record = await there();
  assert.equal(record?.goneAt, undefined);
  assert.notEqual(record?.createdAt, alive.createdAt);
});
