import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { queueKey } from "../../../src/operations/queue/job.ts";
import { openQueue } from "../../../src/operations/queue/open-queue.ts";
import type { Queue } from "../../../src/operations/queue/queue.ts";
import { stopError } from "../../../src/operations/stop-reason.ts";
import { createOperation, findOperation } from "../../../src/store/operations.ts";
import { openStore, type Store } from "../../../src/store/store.ts";
import { backends, type Opened, silent } from "../../store/backends.ts";
import { layDatabase } from "../../support/made-database.ts";

test("jobs of one integration share a key, jobs of others don't, and a preview waits for no job", () => {
  const id = "an-id";
  assert.equal(queueKey({ id, kind: "up", tenant: "t", integration: "i" }), "t/i");
  assert.equal(queueKey({ id, kind: "destroy", tenant: "t", integration: "i" }), "t/i");
  assert.match(queueKey({ id, kind: "offboard", tenant: "t" }), /offboard\/an-id$/, "a parent waits only for its children");
  assert.match(queueKey({ id, kind: "revoke" }), /revoke\/an-id$/, "a revocation waits for no job");
  assert.equal(queueKey({ id, kind: "preview", tenant: "t", integration: "i" }), "t/preview:an-id");
});

test("jobs that an earlier process ran on PGlite run again at once, at their old position", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "drawbridge-queue-"));
  layDatabase(dataDir);
  const first = await openStore({ dataDir, log: silent });
  const killed = await openQueue({ store: first, log: silent, concurrency: 1 });
  const ids = [randomUUID(), randomUUID()];
  let taken = () => {};
  const began = new Promise<void>((resolve) => (taken = resolve));
  await killed.start(async (_id, signal) => {
    taken();
    await once(signal, "abort"); // by then its store is closed, so the job's end isn't recorded, like after a kill
  });
  for (const operationId of ids) await killed.enqueue(first.db, { operationId, key: "one/i" });
  await began;
  await first.close();

  const second = await openStore({ dataDir, log: silent });
  const queue = await openQueue({ store: second, log: silent, concurrency: 1 });
  const order: string[] = [];
  const started = performance.now();
  await queue.start(async (operationId) => void order.push(operationId));
  while (order.length < 2 && performance.now() - started < 8_000) await sleep(20);
  assert.deepEqual(order, ids);
  assert.ok(performance.now() - started < 8_000, "not only after its heartbeat is stale");
  await queue.close({ graceSeconds: 0 });
  await second.close();
  await killed.close({ graceSeconds: 0 }).catch(() => undefined);
  await rm(dataDir, { recursive: true, force: true });
});

for (const backend of backends) {
  describe(`the queue on ${backend.name}`, () => {
    let opened: Opened;
    let store: Store;
    let queue: Queue;
    let run: (operationId: string, signal: AbortSignal) => Promise<void>;
    before(async () => {
      opened = await backend.open();
      store = opened.store;
      queue = await openQueue({ store, log: silent, concurrency: 3 });
      await queue.start((operationId, signal) => run(operationId, signal));
    });
    afterEach(() => queue.resume());
    after(async () => {
      await queue.close({ graceSeconds: 0 });
      await opened.remove();
    });

    const accept = async (key: string) =>
      store.db.transaction().execute(async (trx) => {
        const [tenant, integration] = key.split("/");
        const { id } = await createOperation(trx, { kind: "up", tenant, integration, request: {}, requestedBy: "me", deadlineSeconds: 60 });
        await queue.enqueue(trx, { operationId: id, key });
        return id;
      });
    const until = async (what: () => boolean | Promise<boolean>) => {
      const limit = performance.now() + 15_000;
      while (!(await what())) {
        assert.ok(performance.now() < limit, "waited 15 s in vain");
        await sleep(10);
      }
    };

    test("a job starts within a tenth of a second of its commit, even if the queue was idle", async () => {
      const waits: number[] = [];
      let committed = 0;
      run = async () => void waits.push(performance.now() - committed);
      for (let index = 0; index < 5; index++) {
        await sleep(150);
        await accept(`latency/${index}`);
        committed = performance.now();
        await until(() => waits.length === index + 1);
      }
      const median = [...waits].sort((a, b) => a - b)[2] ?? Number.POSITIVE_INFINITY;
      assert.ok(median < 100, `median ${median} ms of ${waits}`);
    });

    test("row and job exist together or not at all", async () => {
      await queue.pause();
      const before = await queue.depth();
      let id = "";
      await assert.rejects(
        store.db.transaction().execute(async (trx) => {
          ({ id } = await createOperation(trx, { kind: "up", request: {}, requestedBy: "me", deadlineSeconds: 60 }));
          await queue.enqueue(trx, { operationId: id, key: "rolled/back" });
          throw new Error("rolled back");
        }),
        /rolled back/,
      );
      assert.equal(await findOperation(store.db, id), undefined);
      assert.deepEqual(await queue.depth(), before);
    });

    test("jobs of one key run one at a time in order, jobs of other keys at the same time", async () => {
      await queue.pause();
      const started: string[] = [];
      const active = new Map<string, number>();
      let overlaps = 0;
      let beside = 0;
      run = async (operationId) => {
        const key = keys.get(operationId) ?? "";
        started.push(operationId);
        active.set(key, (active.get(key) ?? 0) + 1);
        if ((active.get(key) ?? 0) > 1) overlaps += 1;
        if ([...active.values()].reduce((a, b) => a + b) > 1) beside += 1;
        await sleep(5);
        active.set(key, (active.get(key) ?? 1) - 1);
      };
      const keys = new Map<string, string>();
      for (let index = 0; index < 30; index++) {
        const key = `fifo/${index % 4}`;
        keys.set(await accept(key), key);
      }
      assert.equal((await queue.depth()).waiting, 30);
      await queue.resume();
      await until(() => started.length === 30);
      assert.equal(overlaps, 0);
      assert.ok(beside > 0);
      for (const key of new Set(keys.values())) {
        const ofKey = (ids: Iterable<string>) => [...ids].filter((id) => keys.get(id) === key);
        assert.deepEqual(ofKey(started), ofKey(keys.keys()));
      }
    });

    test("a second enqueue changes nothing before the end, and runs the job again after it", async () => {
      let runs = 0;
      run = async () => void runs++;
      await queue.pause();
      const id = await accept("again/i");
      await queue.enqueue(store.db, { operationId: id, key: "again/i" });
      await queue.resume();
      await until(async () => runs === 1 && (await queue.withoutJob([id])).length === 1);
      await queue.enqueue(store.db, { operationId: id, key: "again/i" });
      await until(() => runs === 2);
    });

    test("if the handler throws, the job runs again before later jobs of its key", async () => {
      const order: string[] = [];
      await queue.pause();
      const first = await accept("retry/i");
      const second = await accept("retry/i");
      run = async (operationId) => {
        order.push(operationId);
        if (order.length === 1) throw new Error("the first run fails");
      };
      await queue.resume();
      await until(() => order.length === 3);
      assert.deepEqual(order, [first, first, second]);
    });

    test("a dead worker's job can be made runnable at once, at its old position", async () => {
      const order: string[] = [];
      let letGo = () => {};
      run = async (operationId) => {
        order.push(operationId);
        if (order.length === 1) await new Promise<void>((resolve) => (letGo = resolve)); // it never ends, like a dead worker's
      };
      const first = await accept("dead/i");
      const second = await accept("dead/i");
      await until(() => order.length === 1);
      await store.db.transaction().execute((trx) => queue.requeue(trx, { operationId: first, key: "dead/i" }));
      queue.wake();
      await until(() => order.length === 3);
      assert.deepEqual(order, [first, first, second]);
      letGo();
    });

    test("the queue names the operations without a job", async () => {
      await queue.pause();
      const waiting = await accept("jobs/i");
      const { id } = await createOperation(store.db, { kind: "up", request: {}, requestedBy: "me", deadlineSeconds: 60 });
      assert.deepEqual(await queue.withoutJob([waiting, id]), [id]);
      assert.deepEqual(await queue.withoutJob([]), []);
      run = async () => undefined;
    });

    test("closing lets jobs end within the grace period, then aborts them as draining; other processes can take them", async () => {
      const closing = await openQueue({ store, log: silent, concurrency: 2 });
      await queue.pause();
      const reasons: unknown[] = [];
      await closing.start(async (operationId, signal) => {
        if (operationId === quick) return sleep(100);
        await once(signal, "abort");
        reasons.push(signal.reason);
        throw signal.reason;
      });
      const quick = await accept("close/quick");
      const slow = await accept("close/slow");
      await until(async () => (await closing.depth()).running === 2);
      await closing.close({ graceSeconds: 0.5 });
      assert.deepEqual(reasons, [stopError({ by: "service" })]);
      assert.deepEqual(await queue.withoutJob([quick, slow]), [quick]);
      const reran: string[] = [];
      run = async (operationId) => void reran.push(operationId);
      await queue.resume();
      await until(() => reran.includes(slow));
    });
  });
}
