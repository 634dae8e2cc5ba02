import assert from "node:assert/strict";
import { test } from "node:test";
import { unlessFrozen } from "../../src/operations/freeze.ts";

test("a job that is taken during a freeze goes back without a run, and runs after the freeze", async () => {
  let frozen = true;
  const ran: string[] = [];
  const handler = unlessFrozen(
    async () => frozen,
    async (operation) => void ran.push(operation),
  );
  await assert.rejects(handler("op-1", new AbortController().signal), /frozen/);
  assert.deepEqual(ran, []);
  frozen = false;
  await handler("op-1", new AbortController().signal);
  assert.deepEqual(ran, ["op-1"]);
});

test("nothing runs while the freeze can't be read", async () => {
  const handler = unlessFrozen(
    () => Promise.reject(new Error("no database")),
    () => assert.fail("it ran"),
  );
  await assert.rejects(handler("op-1", new AbortController().signal), /no database/);
});
