/** A teardown or a key's deletion waits. No PUT and no manifest ends it unless the caller could also have started it. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { acceptPush } from "../../src/gitops/accept-reconcile.ts";
import { approve } from "../../src/integrations/approval/approve.ts";
import { deleteIntegration } from "../../src/integrations/delete.ts";
import { putIntegration } from "../../src/integrations/put.ts";
import { openOperation } from "../../src/operations/open.ts";
import { changeIntegration, findIntegration } from "../../src/store/integrations.ts";
import { createOperation, findOperation } from "../../src/store/operations.ts";
import { parkOperation, startOperation } from "../../src/store/transitions.ts";
import { everybody, type GitopsRig, integrationManifest, itemsOf, startGitopsRig, tenantManifest } from "../gitops/rig.ts";
import { integrationBodyFixture as body } from "../http/bodies.ts";
import { seed } from "../http/seed.ts";
import { type Running, start } from "../http/support.ts";

const c1 = "/v1/tenants/acme/integrations/c1";

test("a PUT by a caller who may only write runs after the waiting operations", async (t) => {
  const service: Running = await start();
  t.after(() => service.close());
  const cases = [
    { waits: { method: "DELETE", path: c1 }, put: body },
    {
      waits: { method: "POST", path: "/v1/tenants/acme/keys/c1/delete", body: { confirm: "c1", days: 7 } },
      put: { ...body, parameters: { ...body.parameters, bucket: "acme-data-2" } },
    },
  ];
  for (const { waits, put } of cases) {
    await seed(service.context);
    const made = await service.call("POST", "/v1/keys", { body: { subject: "writer", tenants: ["acme"], scopes: ["read", "write"] } });
    const token = String(made.json["key"]);
    const asked = await service.call(waits.method, waits.path, waits.body ? { body: waits.body } : {});
    const id = String(asked.json.operation?.id);
    const { headers } = await service.call("GET", c1);
    const answer = await service.call("PUT", c1, { body: put, token, headers: { "if-match": String(headers["etag"]) } });
    assert.equal(answer.status, 202, answer.text);
    assert.equal((await findOperation(service.store.db, id))?.state, "queued", waits.path);
  }
});

test("a held plan can't be approved after a teardown was requested", async (t) => {
  const service: Running = await start();
  t.after(() => service.close());
  const { db } = service.store;
  const asked = { tenant: "acme", integration: "c1", requestedBy: "writer", deadlineSeconds: 60 };
  const { id } = await createOperation(db, { ...asked, kind: "up", request: { authors: [] } });
  await startOperation(db, id, { epoch: 1 });
  const planHash = "0".repeat(64);
  const held = await parkOperation(db, id, 1, { planHash });
  await createOperation(db, { ...asked, kind: "destroy", request: {} });
  await assert.rejects(approve(service.context, held, { planHash, subject: "second" }), { message: /^plan_stale:/ });
  assert.equal((await findOperation(db, id))?.state, "awaiting-approval");
});

describe("unchanged manifests", { concurrency: false }, () => {
  let rig: GitopsRig;
  const manifests = [tenantManifest("acme"), integrationManifest("acme", "c1", { externalId: "c1-0123456789abcdef" })];
  const push = async () => {
    const source = { repository: "https://git.example/acme", revision: "1" };
    return acceptPush(rig.context, { source, manifests, prune: false, maxDeletes: 0, dryRun: false, atomic: false }, everybody);
  };
  /** Makes operations of this kind wait until the test calls the returned function. */
  const hold = (kind: string) => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    rig.during.child = async (run) => {
      if (run.operation.kind === kind) await held;
    };
    return release;
  };
  const open = (kind: "verify" | "delete-key") =>
    rig.context.store.db.transaction().execute((trx) => {
      const asked = { kind, tenant: "acme", integration: "c1", request: {}, requestedBy: "admin", deadlineSeconds: 60 };
      return openOperation(rig.context, trx, asked);
    });
  const outcomeOf = async (id: string) => itemsOf(await rig.ended(id)).find((item) => item.name === "c1")?.outcome;

  before(async () => {
    rig = await startGitopsRig();
    await rig.ended((await push()).id);
    rig.ran.length = 0;
  });
  after(() => rig?.close());

  test("don't open what a failed teardown closed, even while a key is deleted", async (t) => {
    await changeIntegration(rig.context.store.db, "acme", "c1", (now) => ({ ...now, closedByTeardown: true }));
    const release = hold("delete-key");
    t.after(release);
    await open("delete-key");
    const { id } = await push();
    await sleep(300);
    release();
    assert.equal(await outcomeOf(id), "unchanged");
    assert.ok(!rig.ran.includes("up acme/c1"));
  });

  test("are refused if a teardown was requested after they were read", async (t) => {
    const { db } = rig.context.store;
    const release = hold("destroy");
    t.after(release);
    const teardown = await deleteIntegration(rig.context, { tenant: "acme", name: "c1", requestedBy: "admin" });
    const record = await findIntegration(db, "acme", "c1");
    assert.ok(record);
    const [externalId] = record.externalIds;
    const { blueprint, parameters } = record;
    const same = { blueprint, parameters: { ...parameters, externalId: externalId?.id } };
    const sent = { tenant: "acme", name: "c1", body: same, requestedBy: "source", writers: [{ subject: "ci" }] };
    await assert.rejects(putIntegration(rig.context, sent), /^ProblemError: not_found: .*is being removed/);
    release();
    await rig.ended(teardown.id);
    await rig.ended((await push()).id);
  });

  test("don't end a waiting teardown", async (t) => {
    await changeIntegration(rig.context.store.db, "acme", "c1", ({ closedByTeardown: _closed, ...now }) => now);
    const release = hold("verify");
    t.after(release);
    const { id: verify } = await open("verify");
    while ((await findOperation(rig.context.store.db, verify))?.state !== "running") await sleep(20);
    const teardown = await deleteIntegration(rig.context, { tenant: "acme", name: "c1", requestedBy: "admin" });
    const { id } = await push();
    const outcome = await outcomeOf(id);
    release();
    assert.equal(outcome, "unchanged");
    assert.notEqual((await findOperation(rig.context.store.db, teardown.id))?.state, "cancelled");
  });
});
