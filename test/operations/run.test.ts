import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { type Caller, scopes } from "../../src/model/caller.ts";
import { isTerminal, type OperationEvent, operationKinds, startingScope } from "../../src/model/operation.ts";
import { cancelOperation, createCancelRegistry } from "../../src/operations/cancel.ts";
import { followEvents, nudgeFollowers } from "../../src/operations/events.ts";
import { jobOf } from "../../src/operations/queue/job.ts";
import { openQueue } from "../../src/operations/queue/open-queue.ts";
import type { Queue } from "../../src/operations/queue/queue.ts";
import { type RecoveryContext, recover } from "../../src/operations/recover.ts";
import { operationHandler, type RunContext, runOperation, type Verb } from "../../src/operations/run.ts";
import { ProblemError, problemOf } from "../../src/problem.ts";
import { eventsAfter } from "../../src/store/events.ts";
import { findLeases, type LeaseHolder, releaseLeases, takeLeases } from "../../src/store/leases.ts";
import { createOperation, findOperation, type NewOperation, type StoredOperation } from "../../src/store/operations.ts";
import { adoptChild } from "../../src/store/reconcile-reads.ts";
import type { Store } from "../../src/store/store.ts";
import { approveOperation, cancelWaiting, parkOperation, startOperation } from "../../src/store/transitions.ts";
import { backends, counting, type Opened, silent } from "../store/backends.ts";

for (const backend of backends) {
  describe(`operations run on ${backend.name}`, () => {
    let opened: Opened;
    let store: Store;
    let queue: Queue;
    let verb: Verb;
    const cancels = createCancelRegistry();
    const caller: Caller = { subject: "me", tenants: "*", scopes, credential: { kind: "admin" as const } };
    const self = { owner: randomUUID(), pid: process.pid, processStart: "1", host: hostname() };
    const context = (): RunContext => ({ store, log: silent, cancels, owner: self.owner, plugin: () => "stand-in" });
    const recovery = (more: Partial<RecoveryContext> = {}): RecoveryContext => ({
      ...{ store, queue, log: silent, self, isDead: async (lease) => lease.owner === "dead" },
      ...more,
    });

    before(async () => {
      opened = await backend.open();
      store = opened.store;
      queue = await openQueue({ store, log: silent, concurrency: 3 });
      await queue.start(operationHandler(context(), () => (run) => verb(run)));
    });
    beforeEach(() => {
      verb = async () => undefined;
    });
    after(async () => {
      await queue.close({ graceSeconds: 0 });
      await opened.remove();
    });

    const accept = (more: Partial<NewOperation> = {}, enqueue = true): Promise<StoredOperation> =>
      store.db.transaction().execute(async (trx) => {
        const where = { tenant: "t", integration: randomUUID() };
        const operation = await createOperation(trx, {
          kind: "up",
          ...where,
          request: {},
          requestedBy: "me",
          deadlineSeconds: 60,
          ...more,
        });
        if (enqueue) await queue.enqueue(trx, jobOf(operation));
        return operation;
      });
    const until = async (id: string, wanted: (operation: StoredOperation) => boolean): Promise<StoredOperation> => {
      const limit = performance.now() + 15_000;
      for (;;) {
        const operation = await findOperation(store.db, id);
        if (operation !== undefined && wanted(operation)) return operation;
        assert.ok(performance.now() < limit, `waited 15 s in vain; the state is ${operation?.state}`);
        await sleep(10);
      }
    };
    const ended = (id: string) => until(id, (operation) => isTerminal(operation.state));
    const typesOf = async (id: string) =>
      (await eventsAfter(store.db, id, 0, 1_000)).map(({ type, data }) => (type === "state" ? data["state"] : `${type} ${data["name"]}`));

    test("a run's events have its steps and progress in order, and it ends with its result", async () => {
      verb = async (run) => {
        assert.equal(await run.step("look", async () => 42), 42);
        void run.progress("seen", { name: "a" });
        void run.progress("seen", { name: "b" });
        run.result = { made: ["x"] };
      };
      const { id } = await accept();
      const done = await ended(id);
      assert.equal(done.state, "succeeded");
      assert.deepEqual(done.result, { made: ["x"] });
      assert.equal(done.plugin, "stand-in");
      assert.deepEqual(await typesOf(id), ["queued", "running", "step-started look", "step-done look", "seen a", "seen b", "succeeded"]);
      assert.deepEqual(
        (await findLeases(store.db)).filter((lease) => lease.operation === id),
        [],
      );
    });

    test("a run that throws a problem fails with it; any other error becomes an internal fault without its text", async () => {
      verb = async (run) => run.step("write", () => Promise.reject(new ProblemError("aws_denied", "AWS refused CreateRole.")));
      const denied = await ended((await accept()).id);
      assert.equal(denied.error?.code, "aws_denied");
      assert.deepEqual(await typesOf(denied.id), ["queued", "running", "step-started write", "step-failed write", "failed"]);
      verb = async () => {
        throw new Error("secret text");
      };
      const faulty = await ended((await accept()).id);
      assert.equal(faulty.error?.code, "internal");
      assert.ok(!JSON.stringify(faulty).includes("secret text"));
    });

    test("a run past its deadline fails as a timeout", async () => {
      verb = async (run) => sleep(30_000, undefined, { signal: run.signal });
      assert.equal((await ended((await accept({ deadlineSeconds: 1 })).id)).error?.code, "operation_timeout");
    });

    test("a plan waits for approval and runs again under the same operation", async () => {
      verb = async (run) => {
        if (run.operation.planHash === undefined) run.awaitApproval("plan-1");
      };
      const { id } = await accept();
      const parked = await until(id, (operation) => operation.state === "awaiting-approval");
      assert.equal(parked.planHash, "plan-1");
      // Until the first job has ended, there can't be a second one. In a service, recovery would add it later, but no recovery runs here.
      while ((await queue.depth()).running > 0) await sleep(10);
      await store.db.transaction().execute(async (trx) => {
        const approved = await approveOperation(trx, id, "somebody-else");
        await queue.enqueue(trx, jobOf(approved));
      });
      assert.equal((await ended(id)).state, "succeeded");
    });

    test("cancelling ends a waiting operation at once and a running one through its signal; an ended one stays", async () => {
      const waiting = await accept({}, false);
      assert.equal((await cancelOperation(store, cancels, { id: waiting.id, caller })).state, "cancelled");
      verb = async (run) => sleep(30_000, undefined, { signal: run.signal });
      const { id } = await accept();
      await until(id, (operation) => operation.state === "running");
      await cancelOperation(store, cancels, { id, caller });
      const cancelled = await ended(id);
      assert.equal(cancelled.state, "cancelled");
      assert.equal((await cancelOperation(store, cancels, { id, caller })).state, "cancelled");
      await assert.rejects(cancelOperation(store, cancels, { id: randomUUID(), caller }), /not_found/);
    });

    test("a caller can cancel an operation and its children only if it could start each of them", async () => {
      for (const kind of operationKinds) {
        const { id } = await accept({ kind }, false);
        const lesser = { ...caller, scopes: scopes.filter((scope) => scope !== startingScope[kind]) };
        await assert.rejects(cancelOperation(store, cancels, { id, caller: lesser }), new RegExp(`forbidden.*${startingScope[kind]}`));
        assert.equal((await findOperation(store.db, id))?.state, "queued");
        assert.equal((await cancelOperation(store, cancels, { id, caller })).state, "cancelled");
      }
      const parent = await accept({ kind: "reconcile" }, false);
      const prune = await accept({ kind: "destroy" }, false);
      await adoptChild(store.db, prune.id, parent.id);
      const writer = { ...caller, scopes: ["read", "write"] as const };
      await assert.rejects(cancelOperation(store, cancels, { id: parent.id, caller: writer }), /forbidden.*destroy/);
      await cancelWaiting(store.db, prune.id);
      assert.equal((await cancelOperation(store, cancels, { id: parent.id, caller: writer })).state, "cancelled");
    });

    test("a cancel at another replica reaches the run through the store", async () => {
      verb = async (run) => sleep(30_000, undefined, { signal: run.signal });
      const { id } = await accept();
      await until(id, (operation) => operation.state === "running");
      await cancelOperation(store, createCancelRegistry(), { id, caller });
      assert.equal((await ended(id)).state, "cancelled");
    });

    test("a cancel after the end changes nothing", async () => {
      verb = async (run) => {
        await cancelOperation(store, cancels, { id: run.operation.id, caller });
      };
      assert.equal((await ended((await accept()).id)).state, "succeeded");
    });

    test("followers get the past events, then the new ones, without gaps, until the end", async () => {
      let go = () => {};
      verb = async (run) => {
        await run.progress("first", { name: "1" });
        await new Promise<void>((resolve) => (go = resolve));
        for (let index = 0; index < 20; index++) void run.progress("more", { name: index, absent: undefined });
      };
      const { id } = await accept();
      const counted = counting(store.db);
      const seen: OperationEvent[] = [];
      for await (const event of followEvents({ ...store, db: counted.db }, id, 0, AbortSignal.timeout(10_000))) {
        seen.push(event);
        if (event.type === "first") go();
        // Announces a much later event: the events between are in the store.
        if (event.seq === 10) nudgeFollowers(id, { seq: 90, at: event.at, type: "more", data: {} });
      }
      const looks = counted.statements();
      assert.ok(looks < 12, `the store was asked ${looks} times for ${seen.length} events of this process`);
      assert.deepEqual(seen, await eventsAfter(store.db, id, 0, 100), "a follower gets what the rows hold");
      assert.deepEqual(
        seen.map((event) => event.seq),
        Array.from({ length: 24 }, (_, index) => index + 1),
      );
      assert.equal(seen.at(-1)?.data["state"], "succeeded");
      const rest: number[] = [];
      for await (const event of followEvents(store, id, 22, AbortSignal.timeout(10_000))) rest.push(event.seq);
      assert.deepEqual(rest, [23, 24]);
      for await (const event of followEvents(store, id, 24, AbortSignal.timeout(10_000))) assert.fail(`nothing is left, not ${event.seq}`);
    });

    test("a follower whose signal aborts stops", async () => {
      const { id } = await accept({}, false);
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 100);
      const seen: number[] = [];
      for await (const event of followEvents(store, id, 0, controller.signal)) seen.push(event.seq);
      assert.deepEqual(seen, [1]);
      await cancelOperation(store, cancels, { id, caller });
    });

    /** The rows that a killed service leaves: a running operation, its lease, and a job unless told otherwise. */
    async function abandoned(owner: string, more: { attempt?: number; enqueue?: boolean } = {}): Promise<StoredOperation> {
      await queue.pause();
      const operation = await accept({}, more.enqueue ?? true);
      const holder: LeaseHolder = { operation: operation.id, owner, pid: 1, processStart: "1", host: hostname() };
      const epoch = await takeLeases(store.db, [`operation:${operation.id}`], holder, () => "wait");
      const started = await startOperation(store.db, operation.id, { epoch: epoch ?? 0 });
      if (more.attempt !== undefined)
        await sql`update operations set attempt = ${more.attempt} where id = ${operation.id}`.execute(store.db);
      return started;
    }

    test("a dead owner's run is taken over and ends, as its second attempt", async () => {
      const operation = await abandoned("dead");
      const recovered = await recover(recovery());
      assert.equal(recovered.freed, 1);
      assert.equal(recovered.requeued, 1);
      await queue.resume();
      const done = await ended(operation.id);
      assert.equal(done.state, "succeeded");
      assert.equal(done.attempt, 2);
      assert.ok(done.epoch > operation.epoch);
    });

    test("if an owner died before its operation ran, the job runs again at once", async () => {
      let taken = () => {};
      const enters = new Promise<void>((resolve) => (taken = resolve));
      const never = (signal: AbortSignal) => {
        taken();
        return new Promise<() => void>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
      };
      const { id } = await accept({}, false);
      const waiting = { ...context(), owner: "dead", capacity: { enter: never } };
      const operation = await findOperation(store.db, id);
      assert.ok(operation);
      // Like after a kill: the job is marked as running, the lease is held, and neither will ever be ended.
      await store.db.transaction().execute(async (trx) => {
        await queue.enqueue(trx, { operationId: id, key: "killed/early" });
        await sql`update pgboss.job set state = 'active', started_on = now(), heartbeat_on = now() where id = ${id}`.execute(trx);
      });
      const stuck = runOperation(waiting, operation, async () => undefined, new AbortController().signal).catch(problemOf);
      await enters;
      assert.equal((await findOperation(store.db, id))?.state, "queued");
      assert.deepEqual(await queue.withoutJob([id]), []);
      const started = performance.now();
      await recover(recovery());
      const done = await ended(id);
      assert.deepEqual([done.state, done.attempt], ["succeeded", 1]);
      assert.ok(performance.now() - started < 7_000, "not only when its heartbeat is missed");
      assert.equal((await stuck)?.cause, "lease-lost", "an owner that was only paused does nothing more");
    });

    test("a live owner keeps its run and its lease", async () => {
      const operation = await abandoned("alive");
      assert.deepEqual(await recover(recovery()), { freed: 0, requeued: 0, enqueued: 0, quarantined: 0 });
      assert.equal((await findOperation(store.db, operation.id))?.epoch, operation.epoch);
      await releaseLeases(store.db, operation.epoch);
      await recover(recovery());
      await queue.resume();
      assert.equal((await ended(operation.id)).state, "succeeded");
    });

    test("several concurrent recoveries take a run over once", async () => {
      const operation = await abandoned("dead");
      const rounds = await Promise.all([recover(recovery()), recover(recovery()), recover(recovery())]);
      assert.equal(
        rounds.reduce((sum, round) => sum + round.requeued, 0),
        1,
      );
      await queue.resume();
      assert.equal((await ended(operation.id)).attempt, 2);
    });

    test("a lease stays the dead owner's until the cleanup after that owner succeeds", async () => {
      const operation = await abandoned("dead");
      const cleaned: number[] = [];
      const refuse = async () => Promise.reject(new Error("the state bucket can't be reached"));
      assert.equal((await recover(recovery({ clearStaleLocks: refuse }))).requeued, 0);
      await recover(recovery({ clearStaleLocks: async (lease) => void cleaned.push(lease.epoch) }));
      assert.deepEqual(cleaned, [operation.epoch]);
      await queue.resume();
      assert.equal((await ended(operation.id)).state, "succeeded");
    });

    test("a lease that this host can't judge is freed when its owner's sessions have ended; a lease of this process is freed if its release failed", async () => {
      const holder = { operation: "gone", pid: 1, processStart: "1", host: "elsewhere" };
      await takeLeases(store.db, ["far"], { ...holder, owner: "far" }, () => "wait");
      await takeLeases(store.db, ["near"], { ...holder, owner: self.owner }, () => "wait");
      const age = (interval: string) => sql`update leases set heartbeat = clock_timestamp() - ${interval}::interval`.execute(store.db);
      const left = async () => {
        await recover(recovery({ isDead: async () => undefined }));
        return (await findLeases(store.db, ["far", "near"])).map((lease) => lease.resource);
      };
      assert.deepEqual(await left(), ["far", "near"]);
      await age("31 seconds");
      assert.deepEqual(await left(), ["far"]);
      await age("61 minutes");
      assert.deepEqual(await left(), []);
    });

    test("an operation that was interrupted too often is quarantined, and its key is free", async () => {
      const operation = await abandoned("dead", { attempt: 5 });
      assert.equal((await recover(recovery())).quarantined, 1);
      const failed = await ended(operation.id);
      assert.equal(failed.error?.cause, "quarantined");
      assert.equal(failed.error?.retry, "after-change");
      await queue.resume();
      const { tenant, integration } = operation;
      assert.equal((await ended((await accept({ tenant, integration })).id)).state, "succeeded");
    });

    test("a queued operation without a job gets one", async () => {
      const { id } = await accept({}, false);
      assert.equal((await recover(recovery())).enqueued, 1);
      assert.equal((await ended(id)).state, "succeeded");
    });

    test("a paused worker whose run was taken over records nothing and does nothing more", async () => {
      let worked = false;
      let wake = () => {};
      let woken: Promise<void> = Promise.resolve();
      verb = async (run) => {
        if (run.operation.attempt > 1) return;
        woken = new Promise<void>((resolve) => (wake = resolve));
        await woken;
        run.result = { stale: true };
        void run.progress("stale", { name: "write" });
        await run.step("stale", async () => {
          worked = true;
        });
      };
      const { id } = await accept();
      const stale = await until(id, (operation) => operation.state === "running");
      await releaseLeases(store.db, stale.epoch); // like a takeover
      await recover(recovery());
      const done = await ended(id);
      wake();
      await sleep(200);
      assert.equal(done.state, "succeeded");
      assert.deepEqual(await findOperation(store.db, id), done);
      const types = await typesOf(id);
      assert.ok(!types.includes("stale write") && !types.includes("step-started stale"));
      assert.equal(worked, false);
    });

    test("closing gives a running operation back with its lease, and another process finishes it", async () => {
      await queue.pause();
      const other = await openQueue({ store, log: silent, concurrency: 1 });
      let begun = 0;
      await other.start(
        operationHandler({ ...context(), owner: "leaving" }, () => async (run) => {
          begun += 1;
          await sleep(30_000, undefined, { signal: run.signal });
        }),
      );
      const { id } = await accept();
      await until(id, (operation) => operation.state === "running");
      await other.close({ graceSeconds: 0.1 });
      const given = await findOperation(store.db, id);
      assert.equal(begun, 1);
      assert.equal(given?.state, "queued");
      assert.deepEqual(await findLeases(store.db, [`operation:${id}`]), []);
      await queue.resume();
      const done = await ended(id);
      assert.equal(done.state, "succeeded");
      assert.equal(done.attempt, 1, "a drain doesn't count as an attempt");
    });

    test("a stray job doesn't run an operation that awaits approval", async () => {
      await queue.pause();
      const { id } = await accept();
      await startOperation(store.db, id, { epoch: 1 });
      await parkOperation(store.db, id, 1, { planHash: "h" });
      let ran = false;
      verb = async () => {
        ran = true;
      };
      await queue.resume();
      await sleep(300);
      assert.equal(ran, false);
      await cancelOperation(store, cancels, { id, caller });
    });
  });
}
