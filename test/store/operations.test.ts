import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { type OperationState, operationStates, transitions } from "../../src/model/operation.ts";
import { ProblemError } from "../../src/problem.ts";
import type { Db } from "../../src/store/database/transaction.ts";
import { appendEvents, eventsAfter } from "../../src/store/events.ts";
import { begin, finish, release, sweepIdempotency } from "../../src/store/idempotency.ts";
import {
  childrenOf,
  createOperation,
  currentOperation,
  findOperation,
  listOperations,
  type NewOperation,
  type StoredOperation,
} from "../../src/store/operations.ts";
import {
  approveOperation,
  cancelWaiting,
  failWaiting,
  finishOperation,
  parkOperation,
  requestCancel,
  requeueOperation,
  startOperation,
} from "../../src/store/transitions.ts";
import { backends, type Opened } from "./backends.ts";

const input = (more: Partial<NewOperation> = {}): NewOperation => ({
  kind: "up",
  tenant: "acme",
  integration: "i",
  request: { ids: ["a", { b: 1 }] },
  requestedBy: "somebody",
  deadlineSeconds: 60,
  ...more,
});

const error = new ProblemError("update_failed", "It failed.").problem;
const code = (expected: string) => (thrown: unknown) => thrown instanceof ProblemError && thrown.problem.code === expected;

/** Every change of state. Each is tried on an operation that runs under epoch 10, if it runs. */
const changes: { to: OperationState; try(db: Db, id: string): Promise<StoredOperation | undefined> }[] = [
  { to: "running", try: (db, id) => startOperation(db, id, { epoch: 11 }) },
  { to: "succeeded", try: (db, id) => finishOperation(db, id, 10, { state: "succeeded" }) },
  { to: "failed", try: (db, id) => finishOperation(db, id, 10, { state: "failed", error }) },
  { to: "cancelled", try: (db, id) => finishOperation(db, id, 10, { state: "cancelled" }) },
  { to: "awaiting-approval", try: (db, id) => parkOperation(db, id, 10, { planHash: "h" }) },
  { to: "queued", try: (db, id) => requeueOperation(db, id, 10) },
  { to: "queued", try: (db, id) => approveOperation(db, id, "somebody-else") },
  { to: "cancelled", try: (db, id) => cancelWaiting(db, id) },
  { to: "failed", try: (db, id) => failWaiting(db, id, error) },
];

async function operationIn(db: Db, state: OperationState): Promise<string> {
  const { id } = await createOperation(db, input());
  if (state === "queued") return id;
  await startOperation(db, id, { epoch: 10 });
  if (state === "awaiting-approval") await parkOperation(db, id, 10, { planHash: "h" });
  if (state === "succeeded" || state === "cancelled") await finishOperation(db, id, 10, { state });
  if (state === "failed") await finishOperation(db, id, 10, { state, error });
  return id;
}

for (const backend of backends) {
  describe(`operations on ${backend.name}`, () => {
    let opened: Opened;
    let db: Db;
    before(async () => {
      opened = await backend.open();
      db = opened.store.db;
    });
    after(() => opened.remove());

    test("an operation is queued with its request, and its first event says so", async () => {
      const made = await createOperation(db, input());
      assert.deepEqual(await findOperation(db, made.id), made);
      assert.equal(made.state, "queued");
      assert.equal(made.attempt, 1);
      assert.deepEqual(made.request, { ids: ["a", { b: 1 }] });
      assert.match(made.createdAt, /^\d{4}-\d\d-\d\dT.*Z$/);
      const events = await eventsAfter(db, made.id, 0, 10);
      assert.deepEqual(
        events.map(({ seq, type, data }) => ({ seq, type, data })),
        [{ seq: 1, type: "state", data: { state: "queued" } }],
      );
    });

    test("any text may be given as an id", async () => {
      assert.equal(await findOperation(db, "no-uuid"), undefined);
      assert.equal(await findOperation(db, randomUUID()), undefined);
    });

    test("every change of state is made if it is legal and refused if it isn't", async () => {
      const made = new Set<string>();
      for (const from of operationStates) {
        for (const change of changes) {
          const id = await operationIn(db, from);
          const seqBefore = (await eventsAfter(db, id, 0, 100)).length;
          const changed = await change.try(db, id).catch(() => undefined);
          const now = await findOperation(db, id);
          if (changed === undefined) {
            assert.equal(now?.state, from, `${from} stays when ${change.to} is refused`);
            continue;
          }
          assert.ok(transitions[from].includes(change.to), `${from} → ${change.to} is legal`);
          assert.equal(now?.state, change.to);
          made.add(`${from} → ${change.to}`);
          assert.equal((await eventsAfter(db, id, 0, 100)).length, seqBefore + 1, "one event per change");
        }
      }
      const legal = operationStates.flatMap((from) => transitions[from].map((to) => `${from} → ${to}`));
      assert.deepEqual([...made].sort(), legal.sort(), "every legal change was made");
    });

    test("an end is final: of many concurrent finishes one wins", async () => {
      const id = await operationIn(db, "running");
      const ends = (["succeeded", "cancelled"] as const).flatMap((state) => [state, state, state]);
      const results = await Promise.allSettled(ends.map((state) => finishOperation(db, id, 10, { state })));
      assert.equal(results.filter((result) => result.status === "fulfilled").length, 1);
      const states = (await eventsAfter(db, id, 0, 10)).map((event) => event.data["state"]);
      assert.equal(states.filter((state) => state === "succeeded" || state === "cancelled").length, 1);
    });

    test("a stale epoch changes nothing: no state, no event, no result", async () => {
      const id = await operationIn(db, "running");
      await startOperation(db, id, { epoch: 20 });
      const before = await findOperation(db, id);
      await assert.rejects(finishOperation(db, id, 10, { state: "succeeded", result: { stale: true } }), code("operation_interrupted"));
      await assert.rejects(appendEvents(db, id, 10, [{ type: "progress", data: {} }]), code("operation_interrupted"));
      await assert.rejects(requeueOperation(db, id, 10), code("operation_interrupted"));
      await assert.rejects(
        startOperation(db, id, { epoch: 20 }),
        code("operation_interrupted"),
        "an equal epoch doesn't start it again either",
      );
      assert.deepEqual(await findOperation(db, id), before);
      assert.equal(before?.attempt, 2, "the takeover counted as an attempt");
    });

    test("in 200 takeovers no stale owner writes an event or an end after its successor began", async () => {
      const id = await operationIn(db, "running");
      const takeovers = 200;
      for (let epoch = 11; epoch < 11 + takeovers; epoch++) {
        const stale = epoch - 1;
        const results = await Promise.allSettled([
          appendEvents(db, id, stale, [{ type: "worked", data: { epoch: stale } }]),
          startOperation(db, id, { epoch }).then(() => appendEvents(db, id, epoch, [{ type: "worked", data: { epoch } }])),
          appendEvents(db, id, stale, [{ type: "worked", data: { epoch: stale } }]),
          sleep(epoch % 5).then(() => appendEvents(db, id, stale, [{ type: "worked", data: { epoch: stale } }])),
        ]);
        assert.equal(results[1].status, "fulfilled");
        await assert.rejects(finishOperation(db, id, stale, { state: "succeeded" }), code("operation_interrupted"));
      }
      const events = await eventsAfter(db, id, 0, 10_000);
      const epochs = events.filter((event) => event.type === "worked").map((event) => Number(event.data["epoch"]));
      assert.deepEqual(
        epochs,
        [...epochs].sort((a, b) => a - b),
      );
      assert.deepEqual(
        events.map((event) => event.seq),
        events.map((_, index) => index + 1),
      );
      assert.equal((await findOperation(db, id))?.attempt, 1 + takeovers);
    });

    test("when a run is given back, its owner is fenced at once and the attempt counts", async () => {
      const id = await operationIn(db, "running");
      const requeued = await requeueOperation(db, id, 10);
      assert.equal(requeued.state, "queued");
      assert.equal(requeued.attempt, 2);
      assert.notEqual(requeued.epoch, 10);
      await assert.rejects(appendEvents(db, id, 10, [{ type: "progress", data: {} }]), code("operation_interrupted"));
    });

    test("a change of an operation that doesn't exist is a not_found problem", async () => {
      await assert.rejects(finishOperation(db, randomUUID(), 1, { state: "succeeded" }), code("not_found"));
    });

    test("the end has result, error and times", async () => {
      const id = await operationIn(db, "running");
      const failed = await finishOperation(db, id, 10, { state: "failed", error, result: { half: ["done"] } });
      assert.deepEqual(failed.error, error);
      assert.deepEqual(failed.result, { half: ["done"] });
      assert.ok(failed.startedAt !== undefined && failed.finishedAt !== undefined && failed.startedAt <= failed.finishedAt);
    });

    test("events have no gaps, even if many are written at once and some writers are stale", async () => {
      const id = await operationIn(db, "running");
      const writers = Array.from({ length: 60 }, (_, index) =>
        appendEvents(db, id, index % 3 === 0 ? 9 : 10, [{ type: "progress", data: { index } }]),
      );
      const results = await Promise.allSettled(writers);
      assert.equal(results.filter((result) => result.status === "fulfilled").length, 40);
      const events = await eventsAfter(db, id, 0, 1_000);
      assert.deepEqual(
        events.map((event) => event.seq),
        events.map((_, index) => index + 1),
      );
      assert.equal(events.length, 42);
      assert.deepEqual(
        (await eventsAfter(db, id, 40, 1)).map((event) => event.seq),
        [41],
      );
    });

    test("events that are written together keep their order", async () => {
      const id = await operationIn(db, "running");
      const given = ["step-done", "step-started", "step"].map((type, nth) => ({ type, data: { nth, gone: undefined } }));
      const written = await appendEvents(db, id, 10, given);
      assert.deepEqual(
        written.map(({ seq, type, data }) => [seq, type, data]),
        given.map(({ type }, nth) => [3 + nth, type, { nth }]),
      );
      assert.deepEqual(await eventsAfter(db, id, 2, 10), written);
    });

    test("the current operation of an integration is its latest that hasn't ended", async () => {
      const where = { tenant: "current", integration: "i" };
      assert.equal(await currentOperation(db, "current", "i"), undefined);
      const first = await createOperation(db, input(where));
      const second = await createOperation(db, input({ ...where, kind: "rotate" }));
      const preview = await createOperation(db, input({ ...where, kind: "preview" }));
      await createOperation(db, input({ ...where, integration: "other" }));
      assert.equal((await currentOperation(db, "current", "i"))?.id, second.id);
      assert.equal((await currentOperation(db, "current", "i", ["up"]))?.id, first.id);
      assert.equal(
        (await currentOperation(db, "current", "i", ["preview"]))?.id,
        preview.id,
        "an operation that only looks is found by its kind",
      );
      await cancelWaiting(db, second.id, { supersededBy: first.id });
      assert.equal((await currentOperation(db, "current", "i"))?.id, first.id);
      assert.equal((await findOperation(db, second.id))?.supersededBy, first.id);
    });

    test("operations are listed newest first in pages without gaps or overlaps, filtered, and only those of visible tenants", async () => {
      const ids: string[] = [];
      for (let index = 0; index < 5; index++) ids.unshift((await createOperation(db, input({ tenant: "lists" }))).id);
      const nobodys = await createOperation(db, input({ tenant: undefined, integration: undefined, kind: "revoke" }));
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await listOperations(db, { tenants: ["lists"], limit: 2, cursor });
        seen.push(...page.items.map((item) => item.id));
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
      assert.deepEqual(seen, ids);
      assert.deepEqual(
        (await listOperations(db, { tenants: "*", kind: "revoke", limit: 9 })).items.map((item) => item.id),
        [nobodys.id],
      );
      assert.deepEqual((await listOperations(db, { tenants: ["else"], tenant: "lists", limit: 9 })).items, []);
      assert.equal(
        (await listOperations(db, { tenants: "*", tenant: "lists", state: "queued", integration: "i", limit: 3 })).items.length,
        3,
      );
      await assert.rejects(listOperations(db, { tenants: "*", limit: 1, cursor: "bm9wZQ" }), code("invalid_request"));
    });

    test("a parent knows its children in order", async () => {
      const parent = await createOperation(db, input({ tenant: "family", kind: "offboard" }));
      const children = [await createOperation(db, input({ parent: parent.id })), await createOperation(db, input({ parent: parent.id }))];
      assert.deepEqual(
        (await findOperation(db, parent.id))?.children,
        children.map((child) => child.id),
      );
      assert.deepEqual(
        (await childrenOf(db, parent.id)).map((child) => child.id),
        children.map((child) => child.id),
      );
    });

    test("a cancel can be requested for a running operation, not for a waiting one", async () => {
      assert.equal(await requestCancel(db, await operationIn(db, "queued")), undefined);
      assert.equal((await requestCancel(db, await operationIn(db, "running")))?.cancelRequested, true);
    });

    describe("idempotency keys", () => {
      const request = () => ({ caller: "c", route: "PUT /x", key: randomUUID(), bodyHash: "h1" });
      const answer = { status: 202, headers: { location: "/v1/operations/1" }, body: { list: [1] } };
      const age = (key: string, interval: string) =>
        sql`update idempotency_keys set created_at = created_at - ${interval}::interval where key = ${key}`.execute(db);

      test("the first request takes the key, the same request gets a replay, another body is a mismatch", async () => {
        const it = request();
        assert.equal(await begin(db, it), "new");
        assert.equal(await begin(db, it), "in-flight");
        assert.equal(await begin(db, { ...it, bodyHash: "h2" }), "mismatch");
        await finish(db, it, answer);
        assert.deepEqual(await begin(db, it), { replay: answer });
        assert.equal(await begin(db, { ...it, caller: "d" }), "new", "each caller has its own keys");
        assert.equal(await begin(db, { ...it, route: "PUT /y" }), "new", "and each route");
      });

      test("of many concurrent requests one is new", async () => {
        const it = request();
        const answers = await Promise.all(Array.from({ length: 10 }, () => begin(db, it)));
        assert.equal(answers.filter((found) => found === "new").length, 1);
      });

      test("a released key can be used again, a key with an answer stays", async () => {
        const it = request();
        await begin(db, it);
        await release(db, it);
        assert.equal(await begin(db, { ...it, bodyHash: "h2" }), "new");
        await finish(db, { ...it, bodyHash: "h2" }, answer);
        await release(db, it);
        assert.deepEqual(await begin(db, { ...it, bodyHash: "h2" }), { replay: answer });
      });

      test("a key is free again after 24 hours, or after two minutes if its request has no answer", async () => {
        const [old, dead] = [request(), request()];
        await begin(db, old);
        await finish(db, old, answer);
        await age(old.key, "23 hours 59 minutes");
        assert.deepEqual(await begin(db, old), { replay: answer });
        await age(old.key, "2 minutes");
        assert.equal(await begin(db, { ...old, bodyHash: "h2" }), "new");
        await begin(db, dead);
        await age(dead.key, "3 minutes");
        assert.equal(await begin(db, dead), "new");
      });

      test("the sweep deletes only keys that are older than 24 hours", async () => {
        const [old, young] = [request(), request()];
        await begin(db, old);
        await begin(db, young);
        await finish(db, young, answer);
        await age(old.key, "25 hours");
        assert.equal(await sweepIdempotency(db), 1);
        assert.deepEqual(await begin(db, young), { replay: answer });
      });
    });
  });
}
