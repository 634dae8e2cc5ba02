import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { jobOf } from "../../src/operations/queue/job.ts";
import { openQueue } from "../../src/operations/queue/open-queue.ts";
import { eventsAfter } from "../../src/store/events.ts";
import { findLeases } from "../../src/store/leases.ts";
import { createOperation, listOperations } from "../../src/store/operations.ts";
import { postgres, silent } from "../store/backends.ts";

const replicas = 2;
const operations = 60;

test("replicas that are repeatedly killed and terminated end every operation once, and leave no gap, lease or job", {
  skip: postgres === undefined && "needs DATABASE_URL: PGlite has one process",
}, async () => {
  assert.ok(postgres);
  const { store, remove } = await postgres.open();
  const queue = await openQueue({ store, log: silent, concurrency: 1 }); // never started: it only adds jobs
  const start = async () => {
    const child = fork(new URL("./worker.ts", import.meta.url), [store.databaseUrl ?? ""], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    await once(child, "message");
    return child;
  };
  const running: ChildProcess[] = await Promise.all(Array.from({ length: replicas }, start));
  try {
    for (let index = 0; index < operations; index++) {
      await store.db.transaction().execute(async (trx) => {
        const where = { tenant: `t${index % 3}`, integration: `i${index % 2}` };
        const operation = await createOperation(trx, { kind: "up", ...where, request: {}, requestedBy: "me", deadlineSeconds: 60 });
        await queue.enqueue(trx, jobOf(operation));
      });
    }
    for (let round = 0; round < 6; round++) {
      await sleep(150 + 60 * round);
      const victim = running.shift();
      assert.ok(victim);
      const exited = once(victim, "exit");
      victim.kill(round % 3 === 2 ? "SIGTERM" : "SIGKILL");
      const [exitCode] = await exited;
      if (round % 3 === 2) assert.equal(exitCode, 0);
      running.push(await start());
    }
    const all = async () => (await listOperations(store.db, { tenants: "*", limit: operations })).items;
    const limit = performance.now() + 90_000;
    while (!(await all()).every((operation) => operation.state === "succeeded")) {
      assert.ok(performance.now() < limit, `not all ended: ${(await all()).map((operation) => operation.state)}`);
      await sleep(100);
    }
    for (const operation of await all()) {
      const events = await eventsAfter(store.db, operation.id, 0, 10_000);
      assert.deepEqual(
        events.map((event) => event.seq),
        events.map((_, index) => index + 1),
      );
      assert.equal(events.filter((event) => event.data["state"] === "succeeded").length, 1);
      assert.equal(events.at(-1)?.data["state"], "succeeded");
    }
    assert.ok(
      (await all()).some((operation) => operation.attempt > 1),
      "no run was interrupted, so the test proves nothing",
    );
    await sleep(500);
    assert.deepEqual(await findLeases(store.db), []);
    assert.deepEqual(await queue.depth(), { waiting: 0, running: 0 });
  } finally {
    for (const child of running) child.kill("SIGKILL");
    await queue.close({ graceSeconds: 0 });
    await remove();
  }
});
