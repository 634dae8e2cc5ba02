import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { tenantThings } from "../../sandbox/accounts.ts";
import type { Operation } from "../../src/model/operation.ts";
import { readInventory, readState } from "../faults/inventory.ts";
import { type Rig, startRig } from "../faults/rig.ts";

describe("SIGTERM", { concurrency: false }, () => {
  let rig: Rig;
  before(async () => {
    rig = await startRig({ DRAWBRIDGE_DRAIN_SECONDS: "1" });
    await rig.tenant("acme");
  });
  after(() => rig?.stop());

  test("with an update in flight: not ready at once, exit 0, no lock left; the operation goes on after the restart", async () => {
    const bucket = tenantThings.plainBucket(rig.sandbox.accounts.tenant.accountId);
    for (const [index, calls] of [5, 30, 45].entries()) {
      const parameters = { bucket, roleName: `Drained-${index}`, externalId: `drained-${index}-a81f` };
      rig.proxy.reset(({ number }) => (number > calls ? { do: "delay", milliseconds: 150 } : undefined));
      const { body } = await rig.call<{ operation: Operation }>("PUT", `/v1/tenants/acme/integrations/d${index}`, {
        blueprint: "conductorone-s3",
        parameters,
      });
      while (rig.proxy.calls.length < calls) await sleep(20);
      const { url } = rig.service();
      const ending = rig.restart("SIGTERM");
      await sleep(300);
      const ready = await fetch(`${url}/readyz`).catch(() => undefined);
      if (ready) assert.equal(ready.status, 503);
      assert.equal(await ending, 0);
      rig.proxy.reset();
      const ended = await rig.finished(body.operation.id, 60);
      assert.equal(ended.state, "succeeded", JSON.stringify(ended.error));
      assert.equal(ended.attempt, 1, "a restart in good order is no failed attempt");
    }
    assert.deepEqual((await readState(rig.platform, rig.stateBucket)).locks, []);
    assert.equal((await readInventory(rig.aws)).roles.length, 3);
  });
});
