/** Two replicas of the application on one PostgreSQL: each follows the other's limits and freezes. */
import assert from "node:assert/strict";
import test, { after, before, describe } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { follow } from "../../src/model/audit-entry.ts";
import { auditAfter, auditHead } from "../../src/store/audit.ts";
import { type Opened, postgres } from "../store/backends.ts";
import { type Running, start } from "./support.ts";

const limits = { requestsPerMinute: 10_000, writesPerMinute: 12, destroysPerHour: 2, streamsPerCaller: 50 };

describe("two replicas", { skip: postgres === undefined && "needs DATABASE_URL: PGlite has one process" }, () => {
  let opened: Opened;
  let one: Running;
  let other: Running;
  before(async () => {
    assert.ok(postgres);
    opened = await postgres.open();
    const { databaseUrl } = opened.store;
    one = await start({ limits, databaseUrl: databaseUrl });
    other = await start({ limits, databaseUrl: databaseUrl });
  });
  after(async () => {
    await Promise.all([one?.close(), other?.close()]);
    await opened?.remove();
  });

  test("count writes and destroys together", async () => {
    const put = (replica: Running, n: number) =>
      replica.call("PUT", `/v1/tenants/made-${n}`, {
        token: "only-write",
        body: { accountId: String(111122220000 + n), region: "us-east-1", access: { mode: "hand-off" } },
      });
    for (let n = 0; n < 12; n++) assert.equal((await put(n % 2 === 0 ? one : other, n)).status, 201);
    assert.deepEqual([(await put(one, 12)).status, (await put(other, 13)).status], [429, 429]);
    const destroy = (replica: Running) => replica.call("DELETE", "/v1/tenants/gamma/integrations/none", { token: "only-destroy" });
    assert.deepEqual([(await destroy(one)).status, (await destroy(other)).status], [404, 404]);
    assert.deepEqual([(await destroy(one)).status, (await destroy(other)).status], [429, 429]);
  });

  test("freeze together within 5 s, and go on together", async () => {
    const isFrozen = async (replica: Running) =>
      (await replica.call("GET", "/v1/blueprints", { token: "only-read" })).headers["drawbridge-frozen"] === "true";
    const within = async (wanted: boolean) => {
      const from = performance.now();
      while ((await isFrozen(other)) !== wanted) {
        assert.ok(performance.now() - from < 5_000, `the other replica isn't ${wanted ? "frozen" : "going on"} after 5 s`);
        await sleep(20);
      }
    };
    assert.equal((await one.call("POST", "/v1/freeze", { token: "only-admin", body: { reason: "an incident" } })).status, 200);
    assert.ok(await isFrozen(one));
    await within(true);
    assert.deepEqual(other.stops, ["pause", "interrupt"], "its running work is interrupted, and it accepts no more");
    assert.equal((await other.call("DELETE", "/v1/freeze", { token: "only-admin" })).status, 204);
    assert.ok(!(await isFrozen(other)));
    const from = performance.now();
    while (await isFrozen(one)) assert.ok(performance.now() - from < 5_000);
    assert.deepEqual(one.stops, ["pause", "interrupt", "resume"]);
  });

  test("write one audit chain without gaps", async () => {
    const { db } = one.store;
    assert.deepEqual(follow(await auditAfter(db, 0, 10_000)), { head: await auditHead(db) });
  });
});
