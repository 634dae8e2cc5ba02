import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { type LeaseRequest, withLeases } from "../../src/operations/lease.ts";
import { leaseTiming } from "../../src/operations/lease-decision.ts";
import { ProblemError } from "../../src/problem.ts";
import { findLeases, heartbeat, releaseLeases, takeLeases } from "../../src/store/leases.ts";
import type { Store } from "../../src/store/store.ts";
import { backends, type Opened } from "../store/backends.ts";

const code = (expected: string) => (error: unknown) => error instanceof ProblemError && error.problem.code === expected;

for (const backend of backends) {
  describe(`leases on ${backend.name}`, () => {
    let opened: Opened;
    let store: Store;
    before(async () => {
      opened = await backend.open();
      store = opened.store;
    });
    after(() => opened.remove());

    const request = (resources: string[], more: Partial<LeaseRequest> = {}): LeaseRequest => ({
      resources,
      owner: "me",
      operation: "op",
      waitSeconds: 5,
      ...more,
    });

    test("200 contended acquires have one holder at a time, and epochs rise", async () => {
      let holding = 0;
      const epochs: number[] = [];
      const acquire = (index: number) =>
        withLeases(store, request(index % 2 === 0 ? ["a", "b"] : ["b", "c", "a"], { waitSeconds: 120 }), async ({ epoch }) => {
          assert.equal(++holding, 1);
          await sleep(1);
          epochs.push(epoch);
          holding -= 1;
        });
      const workers = Array.from({ length: 8 }, async (_, worker) => {
        for (let index = 0; index < 25; index++) await acquire(worker + index);
      });
      await Promise.all(workers);
      assert.equal(epochs.length, 200);
      assert.deepEqual(
        epochs,
        [...epochs].sort((a, b) => a - b),
      );
      assert.deepEqual(await findLeases(store.db), [], "all were released");
    });

    test("leases on different resources are held at the same time", async () => {
      await withLeases(store, request(["x"]), () => withLeases(store, request(["y"], { waitSeconds: 0 }), async () => undefined));
    });

    test("a wait that is too long is a lease timeout, and takes nothing", async () => {
      await withLeases(store, request(["busy"]), async () => {
        await assert.rejects(
          withLeases(store, request(["busy", "free"], { waitSeconds: 0.2 }), async () => undefined),
          code("lease_timeout"),
        );
        assert.deepEqual(
          (await findLeases(store.db)).map((lease) => lease.resource),
          ["busy"],
        );
      });
    });

    test("an aborted signal ends the wait with its reason", async () => {
      const reason = new Error("enough");
      await withLeases(store, request(["busy"]), async () => {
        const controller = new AbortController();
        setTimeout(() => controller.abort(reason), 50);
        await assert.rejects(
          withLeases(store, request(["busy"], { signal: controller.signal }), async () => undefined),
          reason,
        );
      });
    });

    test("a lease is released when the work throws", async () => {
      await assert.rejects(
        withLeases(store, request(["thrown"]), async () => Promise.reject(new Error("no"))),
        /no/,
      );
      assert.deepEqual(await findLeases(store.db, ["thrown"]), []);
    });

    test("a dead owner's lease is taken under a higher epoch, and then the old epoch has no heartbeat and releases nothing", async () => {
      const holder = { operation: "old", owner: "them", pid: 1, processStart: "1", host: "here" };
      const old = await takeLeases(store.db, ["stolen"], holder, () => "wait");
      assert.ok(old !== undefined);
      await assert.rejects(
        withLeases(store, request(["stolen"], { waitSeconds: 0.1, isDead: async () => false }), async () => undefined),
        code("lease_timeout"),
      );
      await withLeases(store, request(["stolen"], { isDead: async (lease) => lease.owner === "them" }), async ({ epoch }) => {
        assert.ok(epoch > old);
        assert.equal(await heartbeat(store.db, old), 0);
        await releaseLeases(store.db, old);
        assert.equal((await findLeases(store.db, ["stolen"]))[0]?.epoch, epoch);
      });
    });

    test("the signal of a holder whose lease was taken aborts at the next heartbeat", async () => {
      const timing = { ...leaseTiming, beat: 50 };
      await withLeases(store, request(["lost"], { timing }), async ({ epoch, signal, recordRunner }) => {
        await recordRunner("runner-1");
        assert.equal((await findLeases(store.db, ["lost"]))[0]?.runner, "runner-1");
        await releaseLeases(store.db, epoch);
        if (!signal.aborted) await once(signal, "abort");
        assert.ok(code("operation_interrupted")(signal.reason));
        await assert.rejects(recordRunner("runner-2"), code("operation_interrupted"));
      });
    });

    test("a holder that can't reach the store stops itself before the lease can be taken", async () => {
      const timing = { ...leaseTiming, beat: 20, ttl: 600, margin: 300 };
      let cut = false;
      const db = new Proxy(store.db, {
        get(real, name) {
          if (cut && name === "updateTable") throw new Error("no route to the database");
          const value: unknown = Reflect.get(real, name, real);
          return typeof value === "function" ? value.bind(real) : value;
        },
      });
      await withLeases({ ...store, db }, request(["partitioned"], { timing }), async ({ signal }) => {
        await sleep(100);
        assert.equal(signal.aborted, false);
        cut = true;
        const started = performance.now();
        if (!signal.aborted) await once(signal, "abort");
        const took = performance.now() - started;
        assert.ok(took > 200 && took < 600, `stopped after ${Math.round(took)} ms`);
      });
    });

    if (backend.name === "PostgreSQL") {
      test("200 contended acquires from four processes lose no update", async () => {
        await sql`create table counter (n integer)`.execute(store.db);
        await sql`create table entries (position bigint generated always as identity, epoch bigint)`.execute(store.db);
        await sql`insert into counter values (0)`.execute(store.db);
        const contender = new URL("./contender.ts", import.meta.url);
        const processes = Array.from({ length: 4 }, () => fork(contender, [store.databaseUrl ?? "", "50"]));
        const exits = await Promise.all(processes.map(async (child) => (await once(child, "exit"))[0]));
        assert.deepEqual(exits, [0, 0, 0, 0]);
        const { rows } = await sql<{ n: number }>`select n from counter`.execute(store.db);
        assert.equal(rows[0]?.n, 200);
        const entries = await sql<{ epoch: number }>`select epoch from entries order by position`.execute(store.db);
        const epochs = entries.rows.map((row) => row.epoch);
        assert.deepEqual(
          epochs,
          [...epochs].sort((a, b) => a - b),
        );
      });
    }
  });
}
