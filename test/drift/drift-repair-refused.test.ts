/** Repairs that can't be or mustn't be begun: the sweep that found the drift goes on. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { repairOf } from "../../src/drift/drift-repair.ts";
import type { DriftRecord } from "../../src/model/drift.ts";
import type { IntegrationRecord } from "../../src/model/integration.ts";
import type { Run } from "../../src/operations/run.ts";
import { changeIntegration } from "../../src/store/integrations.ts";
import { createOperation, openOperations } from "../../src/store/operations.ts";
import { cancelWaiting } from "../../src/store/transitions.ts";
import { type Running, start } from "../http/support.ts";

let service: Running;
const told: [string, unknown][] = [];
const run = {
  operation: { tenant: "acme" },
  signal: new AbortController().signal,
  progress: async (type: string, data: unknown) => void told.push([type, data]),
} as unknown as Run;
const drift = {
  verdict: "found",
  at: "2026-11-23T00:00:00.000Z",
  operation: "o",
  differences: [{ stack: "role/c1" }],
} as unknown as DriftRecord;
const change = (to: Partial<IntegrationRecord>) => changeIntegration(service.store.db, "acme", "c1", (now) => ({ ...now, ...to }));
const repaired = () => repairOf(service.context, run, { name: "c1", drift, asked: true });
const open = async () => (await openOperations(service.store.db, "acme", "c1")).length;

before(async () => {
  service = await start();
  const access = { mode: "assume-role", roleArn: "arn:aws:iam::111122223333:role/DrawbridgeProvisioning" };
  await service.call("PUT", "/v1/tenants/acme", { body: { accountId: "111122223333", region: "us-east-1", access } });
  const body = { blueprint: "conductorone-s3", parameters: { bucket: "acme-exports", externalId: "c1-first-7d1f6a93b2e8" } };
  assert.equal((await service.call("PUT", "/v1/tenants/acme/integrations/c1", { body })).status, 202);
});
after(() => service?.close());

test("one whose blueprint can't be had any more is said, and throws nothing", async () => {
  const [{ version }, begun] = [await change({}), await open()];
  await change({ version: "0.0.1" });
  assert.equal(await repaired(), undefined);
  const [type, data] = told.at(-1) ?? [];
  assert.equal(type, "drift-not-repaired");
  assert.match(JSON.stringify(data), /"integration":"c1","why":".+"/);
  assert.equal(await open(), begun);
  await change({ version });
});

test("what is being destroyed, or was, isn't asked for again", async () => {
  const begun = await open();
  const { handshake } = await change({});
  const asked = { kind: "destroy", tenant: "acme", integration: "c1", request: {}, requestedBy: "me", deadlineSeconds: 60 } as const;
  const { id } = await createOperation(service.store.db, asked);
  assert.equal(await repaired(), undefined);
  await cancelWaiting(service.store.db, id);
  for (const ending of [{ closedByTeardown: true as const }, { handshake, goneAt: service.context.now() }]) {
    await change(ending);
    assert.equal(await repaired(), undefined);
    assert.equal(await open(), begun);
  }
});
