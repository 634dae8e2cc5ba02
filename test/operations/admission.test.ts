import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { admit } from "../../src/operations/admission.ts";
import { problemOf } from "../../src/problem.ts";
import { createOperation } from "../../src/store/operations.ts";
import { backends, type Opened } from "../store/backends.ts";

let opened: Opened;
before(async () => {
  opened = (await backends[0]?.open()) as Opened;
});
after(() => opened?.remove());

test("a tenant with too many open operations is refused until later, and another tenant isn't", async () => {
  const { db } = opened.store;
  for (let index = 0; index < 3; index++) {
    await createOperation(db, { kind: "up", tenant: "busy", integration: `i${index}`, request: {}, requestedBy: "t", deadlineSeconds: 60 });
  }
  await admit(db, "busy", 4);
  await admit(db, "calm", 3);
  const problem = problemOf(await admit(db, "busy", 3).catch((error: unknown) => error));
  assert.deepEqual([problem.code, problem.retry], ["too_many_operations", "later"]);
});
