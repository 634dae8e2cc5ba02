import assert from "node:assert/strict";
import { test } from "node:test";
import { createLine } from "../../../src/engine/runner/line.ts";

test("a free item goes to the first waiting caller, and is kept if nobody waits", async () => {
  const line = createLine<string>();
  const [first, second] = [line.wait(undefined), line.wait(undefined)];
  for (const free of ["a", "b", "c"]) line.give(free);
  assert.deepEqual(await Promise.all([first, second]), ["a", "b"]);
  assert.equal(line.take(), "c");
  assert.equal(line.take(), undefined);
});

test("an aborted caller leaves the line without an item", async () => {
  const line = createLine<string>();
  const stop = new AbortController();
  const stopped = line.wait(stop.signal);
  const next = line.wait(undefined);
  stop.abort();
  line.give("a");
  await assert.rejects(stopped, /operation_interrupted/);
  assert.equal(await next, "a");
});

test("all waiting callers can be rejected", async () => {
  const line = createLine<string>();
  const waiting = [line.wait(undefined), line.wait(undefined)];
  line.dismiss(() => new Error("closed"));
  for (const one of await Promise.allSettled(waiting)) assert.equal(one.status, "rejected");
});
