import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { GetRoleCommand } from "@aws-sdk/client-iam";
import { tenantThings } from "../../sandbox/accounts.ts";
import type { Operation } from "../../src/model/operation.ts";
import { readState } from "../faults/inventory.ts";
import { updateProcesses } from "../faults/victims.ts";
import { startWorld, type World } from "../support/world.ts";

describe("an operation is cancelled", { concurrency: false }, () => {
  let world: World;
  const body = (name: string) => ({
    blueprint: "conductorone-s3",
    parameters: {
      bucket: tenantThings.plainBucket(world.sandbox.accounts.tenant.accountId),
      roleName: `Cancel-${name}`,
      externalId: `id-of-${name}-3d21`,
    },
  });
  const accept = async (name: string) => {
    const { body: accepted } = await world.api.call<{ operation: Operation }>("PUT", `/v1/tenants/acme/integrations/${name}`, {
      body: body(name),
    });
    return accepted.operation;
  };
  const cancel = (id: string, options = {}) => world.api.call<Operation>("POST", `/v1/operations/${id}/cancel`, { body: options });
  const hasRole = (name: string) =>
    world
      .aws()
      .iam.send(new GetRoleCommand({ RoleName: `Cancel-${name}` }))
      .then(
        () => true,
        () => false,
      );
  const locks = async () => {
    const platform = world.aws(world.sandbox.accounts.platform);
    return (await readState(platform, "drawbridge-state")).locks;
  };

  before(async () => {
    world = await startWorld({ environment: { DRAWBRIDGE_STAND_IN_FAIL: "aws:iam/role:Role:create:hang-after" } });
    await world.tenant("acme");
  });
  after(() => world?.stop());

  test("force ends a hanging update within seconds; the role that its plugin had just made is taken in by the next PUT", async () => {
    const { id } = await accept("forced");
    while (!(await hasRole("forced"))) await sleep(100);
    const answer = await cancel(id, { force: true });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    const ended = await world.api.finished(id, { within: 30 });
    assert.equal(ended.state, "cancelled");
    assert.deepEqual(
      (await updateProcesses(world.sandbox.pulumiHome)).filter(({ kind }) => kind !== "runner"),
      [],
    );
    await world.restart({});
    const { operation } = await world.put("acme", "forced", body("forced"));
    assert.equal(operation.state, "succeeded", JSON.stringify(operation.error));
    assert.deepEqual(await locks(), []);
    assert.equal((await world.destroy("acme", "forced")).state, "succeeded");
    assert.equal(await hasRole("forced"), false);
  });

  test("one that waits is cancelled at once, one that has ended stays as it is", async () => {
    const first = await accept("queue");
    const { body: second } = await world.api.call<{ operation: Operation }>("DELETE", "/v1/tenants/acme/integrations/queue");
    const answer = await cancel(second.operation.id);
    assert.ok(["cancelled", "queued", "running"].includes(answer.body.state));
    await world.api.finished(second.operation.id);
    const ended = await world.api.finished(first.id);
    assert.equal((await cancel(first.id)).body.state, ended.state);
    assert.equal((await cancel("00000000-0000-4000-8000-000000000000")).status, 404);
  });
});
