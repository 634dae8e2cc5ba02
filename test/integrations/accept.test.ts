/** Requests that were read before a destroy wrote the tombstone, and are accepted after that. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { accept } from "../../src/integrations/accept.ts";
import { recordedIntegration } from "../../src/integrations/desired-integration.ts";
import { desiredStacks } from "../../src/integrations/desired-stacks.ts";
import { putIntegration } from "../../src/integrations/put.ts";
import type { IntegrationRecord } from "../../src/model/integration.ts";
import { ProblemError } from "../../src/problem.ts";
import { changeIntegration, findIntegration } from "../../src/store/integrations.ts";
import { createOperation, openOperations } from "../../src/store/operations.ts";
import { findTenant } from "../../src/store/tenants.ts";
import { cancelWaiting } from "../../src/store/transitions.ts";
import { type Running, start } from "../http/support.ts";

const path = "/v1/tenants/acme/integrations/c1";
const body = { blueprint: "conductorone-s3", parameters: { bucket: "acme-exports", externalId: "c1-first-7d1f6a93b2e8" } };
const changed = { ...body, settings: { drift: "ignore" } };
const lastUp = { operation: "an-operation", succeeded: true, specHash: "a-hash" };
let service: Running;
let alive: IntegrationRecord;

const there = async () => findIntegration(service.store.db, "acme", "c1");
const open = async () => (await openOperations(service.store.db, "acme", "c1")).length;
/** Like the end of a destroy, but the record keeps a trace of the ended incarnation. */
const writeTombstone = () =>
  changeIntegration(service.store.db, "acme", "c1", (record) => ({
    ...record,
    externalIds: [],
    handshake: { state: "gone", awaiting: [] },
    goneAt: service.context.now(),
  }));
const rotated = async (next: IntegrationRecord, basis: IntegrationRecord, writers?: string[]) => {
  const tenant = await findTenant(service.store.db, "acme");
  assert.ok(tenant);
  const desired = desiredStacks(tenant, await recordedIntegration(service.context, next));
  return accept(service.context, {
    kind: "rotate",
    next,
    basis,
    desired,
    requestedBy: "tester",
    ...(writers && { writers: writers.map((subject) => ({ subject })) }),
  });
};
const isEnded = ({ problem }: ProblemError) => problem.code === "not_found" && problem.cause === "ended";

beforeEach(async () => {
  service = await start();
  const access = { mode: "assume-role", roleArn: "arn:aws:iam::111122223333:role/DrawbridgeProvisioning" };
  await service.call("PUT", "/v1/tenants/acme", { body: { accountId: "111122223333", region: "us-east-1", access } });
  assert.equal((await service.call("PUT", path, { body })).status, 202);
  alive = await changeIntegration(service.store.db, "acme", "c1", (record) => ({ ...record, lastUp }));
});
afterEach(() => service?.close());

test("a change of an ended incarnation is refused, and the tombstone stays as it is", async () => {
  await writeTombstone();
  const [tombstone, before] = [await there(), await open()];
  await assert.rejects(rotated(alive, alive), isEnded);
  assert.deepEqual(await there(), tombstone);
  assert.equal(await open(), before);
});

test("an operation that nobody requested isn't accepted after a teardown was requested", async () => {
  const destroy = { kind: "destroy", tenant: "acme", integration: "c1", request: {}, requestedBy: "me", deadlineSeconds: 60 } as const;
  await createOperation(service.store.db, destroy);
  const before = await open();
  await assert.rejects(rotated(alive, alive, []), ({ problem }: ProblemError) => problem.cause === "removed");
  assert.equal(await open(), before);
  await rotated(alive, alive);
  assert.equal(await open(), before + 1, "a request is accepted");
});

test("a change of an ended incarnation doesn't overwrite the next one", async () => {
  await writeTombstone();
  assert.equal((await service.call("PUT", path, { body })).status, 202);
  const next = await there();
  await assert.rejects(rotated(alive, alive), isEnded);
  assert.deepEqual(await there(), next);
});

test("if a tombstone is written during a PUT, the PUT begins another incarnation, with nothing of the previous one", async () => {
  let tombstone: Promise<unknown> | undefined;
  const request = { tenant: "acme", name: "c1", body: changed, ifMatch: "*", requestedBy: "tester" };
  // The first read has found the live integration. A write that the test sends now comes before the PUT's own writes.
  const { operation } = await putIntegration(service.context, request, () => {
    tombstone ??= writeTombstone();
  });
  await tombstone;
  assert.equal(operation?.state, "queued");
  const record = await there();
  assert.equal(record?.goneAt, undefined);
  assert.notEqual(record?.createdAt, alive.createdAt);
  assert.equal(record?.lastUp, undefined);
});

test("a PUT with the entity tag of an ended incarnation is refused", async () => {
  const { headers } = await service.call("GET", path);
  const ifMatch = String(headers["etag"]).replaceAll('"', "");
  let tombstone: Promise<unknown> | undefined;
  const request = { tenant: "acme", name: "c1", body: changed, ifMatch, requestedBy: "tester" };
  const late = putIntegration(service.context, request, () => {
    tombstone ??= writeTombstone();
  });
  await assert.rejects(late, (error) => error instanceof ProblemError && error.problem.code === "precondition_failed");
  await tombstone;
  assert.ok((await there())?.goneAt);
});

test("an identical PUT during a verify starts nothing", async () => {
  const tenant = await findTenant(service.store.db, "acme");
  assert.ok(tenant);
  const { specHash } = desiredStacks(tenant, await recordedIntegration(service.context, alive));
  await changeIntegration(service.store.db, "acme", "c1", (record) => ({ ...record, lastUp: { ...lastUp, specHash } }));
  for (const operation of await openOperations(service.store.db, "acme", "c1")) await cancelWaiting(service.store.db, operation.id);
  assert.equal((await service.call("POST", `${path}/verify`)).status, 202);
  assert.equal((await service.call("PUT", path, { body })).status, 200);
  assert.deepEqual(
    (await openOperations(service.store.db, "acme", "c1")).map(({ kind }) => kind),
    ["verify"],
  );
});
