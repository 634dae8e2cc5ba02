import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type CapacitySettings, createCapacity } from "../../src/operations/capacity.ts";
import { problemOf } from "../../src/problem.ts";

const megabyte = 1024 * 1024;
const open = new AbortController().signal;

function capacityWith(given: { memory?: number; disk?: number } & Partial<CapacitySettings>) {
  const left = { memory: given.memory ?? 10_000, disk: given.disk ?? 10_000 };
  const told: string[] = [];
  const capacity = createCapacity({
    updateMegabytes: 500,
    freeDiskMegabytes: 200,
    memoryLeft: async () => left.memory * megabyte,
    diskFree: async () => [{ folder: "/data", free: left.disk * megabyte }],
    log: { warn: (message) => void told.push(message) },
    waitMilliseconds: 60,
    lookEvery: 5,
    ...given,
  });
  return { capacity, left, told };
}

test("an operation waits until there is memory for its update, and logs that once", async () => {
  const { capacity, left, told } = capacityWith({ memory: 499, waitMilliseconds: 5_000 });
  let inside = false;
  const entering = capacity.enter(open).then(() => (inside = true));
  await sleep(30);
  assert.deepEqual([inside, capacity.waiting(), told.length], [false, 1, 1]);
  assert.deepEqual(
    (await capacity.shortages()).map(({ of }) => of),
    ["memory"],
  );
  left.memory = 500;
  await entering;
  assert.equal(capacity.waiting(), 0);
  assert.match(told[0] ?? "", /499 MB of memory are left, of 500 MB/);
});

test("two operations don't take the same memory: the expected use of one counts until it shows or the operation ends", async () => {
  const { capacity } = capacityWith({ memory: 900 });
  const entered = await Promise.allSettled([capacity.enter(open), capacity.enter(open)]);
  assert.deepEqual(
    entered.map(({ status }) => status),
    ["fulfilled", "rejected"],
  );
  const [first, second] = entered;
  assert.ok(second?.status === "rejected" && first?.status === "fulfilled");
  assert.deepEqual([problemOf(second.reason).code, problemOf(second.reason).cause], ["not_ready", "memory"]);
  first.value();
  await capacity.enter(open);
});

test("after some seconds an update's memory shows, and then it isn't counted twice", async () => {
  const { capacity, left } = capacityWith({ memory: 1_000, settling: 20, waitMilliseconds: 0 });
  await capacity.enter(open);
  left.memory = 500;
  await assert.rejects(capacity.enter(open));
  await sleep(30);
  await capacity.enter(open);
});

test("if not even one update fits, an operation starts after the wait when no other runs", async () => {
  const { capacity, told } = capacityWith({ memory: 100 });
  const started = performance.now();
  await capacity.enter(open);
  assert.ok(performance.now() - started >= 50);
  assert.match(told.at(-1) ?? "", /starts without enough capacity/);
});

test("on a full disk no operation starts, even if no other runs", async () => {
  const { capacity, left } = capacityWith({ disk: 199 });
  assert.equal(problemOf(await capacity.enter(open).catch((error: unknown) => error)).code, "storage_full");
  assert.deepEqual(
    (await capacity.shortages()).map(({ of }) => of),
    ["disk"],
  );
  left.disk = 200;
  await capacity.enter(open);
});

test("a stopped operation leaves with the signal's reason, and settings of 0 turn the checks off", async () => {
  const stop = new AbortController();
  const { capacity } = capacityWith({ memory: 1, waitMilliseconds: 5_000 });
  const entering = capacity.enter(stop.signal);
  stop.abort(new Error("stopped"));
  await assert.rejects(entering, /stopped/);
  await capacityWith({ memory: 0, disk: 0, updateMegabytes: 0, freeDiskMegabytes: 0 }).capacity.enter(open);
});
