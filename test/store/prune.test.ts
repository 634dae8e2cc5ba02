import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { sql } from "kysely";
import { auditAppender, auditHead } from "../../src/store/audit.ts";
import { forgetOldPositions, nextPosition, notePositionBegun } from "../../src/store/fair-queue.ts";
import { saveIntegration } from "../../src/store/integrations.ts";
import { createOperation, findOperation } from "../../src/store/operations.ts";
import { pruneOperations } from "../../src/store/prune.ts";
import { appendReceipt, receiptsOf } from "../../src/store/receipts.ts";
import { saveTenant } from "../../src/store/tenants.ts";
import { finishOperation, startOperation } from "../../src/store/transitions.ts";
import { backends, type Opened } from "./backends.ts";

for (const backend of backends) {
  describe(`operations that ended long ago on ${backend.name}`, () => {
    let opened: Opened;
    before(async () => {
      opened = await backend.open();
    });
    after(() => opened?.remove());

    let epoch = 0;
    /** Makes an operation that ended `daysAgo` days ago; without `daysAgo`, one that hasn't ended. */
    const ended = async (daysAgo?: number, more: { parent?: string; integration?: string } = {}) => {
      const { db } = opened.store;
      const asked = { kind: "up", tenant: "acme", request: {}, requestedBy: "me", deadlineSeconds: 60 } as const;
      const { id } = await createOperation(db, { ...asked, ...more });
      if (daysAgo === undefined) return id;
      epoch += 1;
      await startOperation(db, id, { epoch });
      await finishOperation(db, id, epoch, { state: "succeeded" });
      await sql`update operations set finished_at = clock_timestamp() - ${daysAgo} * interval '1 day' where id = ${id}`.execute(db);
      return id;
    };
    const there = async (ids: string[]) => {
      const found = await Promise.all(ids.map((id) => findOperation(opened.store.db, id)));
      return found.map((operation) => operation !== undefined);
    };
    const eventCount = async () => {
      const { rows } = await sql<{ count: number }>`select count(*)::int as count from operation_events`.execute(opened.store.db);
      return rows[0]?.count;
    };

    test("they are deleted with their events, oldest first, at most so many per call; younger and open operations stay", async () => {
      const ids = [await ended(40), await ended(50), await ended(60), await ended(29), await ended()];
      assert.equal(await pruneOperations(opened.store.db, 30, 2), 2);
      assert.deepEqual(await there(ids), [true, false, false, true, true]);
      assert.equal(await pruneOperations(opened.store.db, 30, 2), 1);
      assert.equal(await pruneOperations(opened.store.db, 30, 2), 0);
      assert.deepEqual(await there(ids), [false, false, false, true, true]);
      assert.equal(await eventCount(), 4, "three events of the ended operation, one of the queued operation");
    });

    test("a parent is deleted after its children", async () => {
      const parent = await ended(90);
      const child = await ended(35, { parent });
      assert.equal(await pruneOperations(opened.store.db, 40), 0, "the child ended too recently");
      assert.equal(await pruneOperations(opened.store.db, 30), 1);
      assert.deepEqual(await there([parent, child]), [true, false]);
      assert.equal(await pruneOperations(opened.store.db, 30), 1);
    });

    test("an integration's last up stays, and so do receipts and the audit", async () => {
      const { db } = opened.store;
      const at = "2026-01-01T00:00:00.000Z";
      await saveTenant(db, { name: "acme", accountId: "111122223333" } as never);
      const id = await ended(400, { integration: "c1" });
      const lastUp = { operation: id, succeeded: true, specHash: "x" };
      await saveIntegration(db, {
        tenant: "acme",
        name: "c1",
        vendor: "v",
        externalIds: [],
        supersededIds: [],
        stacks: [],
        lastUp,
      } as never);
      const gone = await ended(400, { integration: "c1" });
      const proof = { roleNames: [], tags: {}, found: [] };
      await db
        .transaction()
        .execute((trx) => appendReceipt(trx, { tenant: "acme", integration: "c0", operation: gone, at, removed: [], retained: [], proof }));
      await auditAppender(db)({ id: "00000000-0000-4000-8000-000000000001", at, operation: gone } as never);
      assert.equal(await pruneOperations(db, 30), 1);
      assert.deepEqual(await there([id, gone]), [true, false]);
      assert.equal((await receiptsOf(db, "acme")).length, 1);
      assert.equal((await auditHead(db)).seq, 1);
    });

    test("a tenant's old position in the fair queue is deleted, and its next one is the lane's", async () => {
      const { db } = opened.store;
      assert.deepEqual(
        [await nextPosition(db, "lane", "a"), await nextPosition(db, "lane", "a"), await nextPosition(db, "lane", "b")],
        [0, 1, 0],
      );
      await notePositionBegun(db, "lane", 1);
      assert.equal(await forgetOldPositions(db), 1, "b's");
      assert.deepEqual([await nextPosition(db, "lane", "b"), await nextPosition(db, "lane", "a")], [1, 2]);
    });
  });
}
