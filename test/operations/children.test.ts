import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { hasSettled } from "../../src/model/operation.ts";
import { followChildren, noteChild } from "../../src/operations/children.ts";
import type { Run } from "../../src/operations/run.ts";
import { childrenOf, createOperation } from "../../src/store/operations.ts";
import { cancelWaiting, parkOperation, startOperation } from "../../src/store/transitions.ts";
import { type Opened, openAnew } from "../store/backends.ts";

let opened: Opened;
before(async () => {
  opened = await openAnew();
});
after(() => opened?.remove());

const make = async (integration: string) => {
  const asked = { kind: "up", tenant: "acme", request: {}, requestedBy: "me", deadlineSeconds: 60 } as const;
  return (await createOperation(opened.store.db, { ...asked, integration })).id;
};
const runOf = (id: string, signal = new AbortController().signal) => {
  const told: [string, unknown][] = [];
  const run = { operation: { id }, signal, progress: async (type: string, data: unknown) => void told.push([type, data]) };
  return { run: run as unknown as Run, told };
};

test("children are recorded, and each end is reported once; the result has the order of the ids", async () => {
  const { store } = opened;
  const [parent, first, second] = [await make("parent"), await make("first"), await make("second")];
  const { run, told } = runOf(parent);
  for (const id of [first, second]) await noteChild(opened, run, id);
  assert.deepEqual((await childrenOf(store.db, parent)).map(({ id }) => id).sort(), [first, second].sort());
  const following = followChildren(opened, run, [first, second]);
  await cancelWaiting(store.db, second);
  while (told.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await cancelWaiting(store.db, first);
  assert.deepEqual(
    (await following).map(({ id }) => id),
    [first, second],
  );
  const words = (operation: string, integration: string) => ["child-ended", { operation, tenant: "acme", integration, state: "cancelled" }];
  assert.deepEqual(told, [words(second, "second"), words(first, "first")]);
});

test("a child that waits for an approval has ended, if the caller counts that as an end", async () => {
  const { store } = opened;
  const held = await make("held");
  await startOperation(store.db, held, { epoch: 1 });
  await parkOperation(store.db, held, 1, { planHash: "0".repeat(64) });
  const { run, told } = runOf(await make("parent"));
  const [state] = await followChildren(opened, run, [held], { isEnd: hasSettled, onEnd: ({ state }) => ({ state }) });
  assert.equal(state?.state, "awaiting-approval");
  assert.deepEqual(told, [["child-ended", { state: "awaiting-approval" }]]);
});

test("a run that must stop doesn't wait, and throws its reason", async () => {
  const stop = new AbortController();
  const { run } = runOf(await make("parent"), stop.signal);
  const following = followChildren(opened, run, [await make("endless")]);
  stop.abort(new Error("to be stopped"));
  await assert.rejects(following, /to be stopped/);
});

test("without children there is nothing to wait for", async () => {
  assert.deepEqual(await followChildren(opened, runOf(await make("parent")).run, []), []);
});
