import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { groupOf } from "../../../src/operations/queue/job.ts";
import { openQueue } from "../../../src/operations/queue/open-queue.ts";
import type { Queue } from "../../../src/operations/queue/queue.ts";
import { backends, type Opened, silent } from "../../store/backends.ts";

test("the tenant of a job is in its key", () => {
  assert.deepEqual(["acme/c1", "acme/preview:an-id", "acme"].map(groupOf), ["acme", "acme", "acme"]);
});

for (const backend of backends) {
  describe(`fairness between tenants on ${backend.name}`, () => {
    let opened: Opened;
    let queue: Queue;
    /** The tenants, in the order in which their jobs began. */
    let begun: string[] = [];
    const tenants = new Map<string, string>();
    const running = new Map<string, number>();
    const most = new Map<string, number>();
    let lasting = 20;
    let sendsAnew = new Set<string>();

    before(async () => {
      opened = await backend.open();
      queue = await openQueue({ store: opened.store, log: silent, concurrency: 3, perTenant: 2 });
      await queue.start(async (id) => {
        const tenant = tenants.get(id) ?? "";
        begun.push(tenant);
        if (sendsAnew.has(tenant)) await add(tenant, 1);
        running.set(tenant, (running.get(tenant) ?? 0) + 1);
        most.set(tenant, Math.max(most.get(tenant) ?? 0, running.get(tenant) ?? 0));
        await sleep(lasting);
        running.set(tenant, (running.get(tenant) ?? 1) - 1);
      });
    });
    after(async () => {
      await queue?.close({ graceSeconds: 0 });
      await opened?.remove();
    });

    const add = async (tenant: string, count: number) =>
      opened.store.db.transaction().execute(async (trx) => {
        for (let index = 0; index < count; index++) {
          const operationId = randomUUID();
          tenants.set(operationId, tenant);
          await queue.enqueue(trx, { operationId, key: `${tenant}/i${tenants.size}` });
        }
      });
    const until = async (what: () => boolean) => {
      const limit = performance.now() + 60_000;
      while (!what()) {
        assert.ok(performance.now() < limit, `waited 60 s in vain: ${begun.length} of ${tenants.size} began`);
        await sleep(10);
      }
    };
    const none = () => [...running.values()].every((count) => count === 0);

    test("jobs of another tenant don't wait for a tenant's many jobs: both tenants alternate", async () => {
      await queue.pause();
      await add("flood", 120);
      await add("calm", 5);
      await add("still", 1);
      await queue.resume();
      await until(() => begun.filter((tenant) => tenant === "calm").length === 5);
      // One job of the flood per round, and the job that runs at the same time.
      const last = begun.lastIndexOf("calm");
      const before = begun.slice(0, last).filter((tenant) => tenant === "flood").length;
      assert.ok(before <= 5 + 3, `the flood began ${before} times before the calm tenant's fifth job: ${begun.slice(0, 20)}`);
      assert.ok(begun.indexOf("still") <= 4, `${begun.slice(0, 8)}`);
    });

    test("a job that is added while the flood runs is among the next", async () => {
      await until(() => begun.length > 30);
      const then = begun.length;
      await add("late", 1);
      await until(() => begun.includes("late"));
      assert.ok(begun.indexOf("late") - then <= 4, `${begun.slice(then)}`);
    });

    test("a waiting tenant doesn't starve when others send a new job each time theirs has begun", async () => {
      const then = begun.length;
      const others = Array.from({ length: 6 }, (_, index) => `steady${index}`);
      for (const tenant of others) await add(tenant, 1);
      sendsAnew = new Set(others);
      await until(() => begun.length >= then + 80);
      sendsAnew.clear();
      const share = begun.slice(then).filter((tenant) => tenant === "flood").length / (begun.length - then);
      assert.ok(share > 0.08, `the flood got ${share} of the turns, of a seventh`);
    });

    test("no tenant runs more jobs at once than its limit, and a tenant without running jobs gets a worker", async () => {
      await until(() => begun.length === tenants.size && none());
      most.clear();
      begun = [];
      lasting = 900;
      await add("flood", 6);
      await until(() => running.get("flood") === 2);
      await sleep(600);
      assert.equal(most.get("flood"), 2, "there are three workers");
      await add("other", 2);
      await until(() => running.get("other") === 2);
      await add("third", 1);
      lasting = 10;
      await until(() => begun.length === 9 && none());
      assert.equal(most.get("flood"), 2);
    });
  });
}
