import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ProblemError } from "../../src/problem.ts";
import { createOperation, findOperation } from "../../src/store/operations.ts";
import { openStore } from "../../src/store/store.ts";
import { silent } from "./backends.ts";

test("one process at a time can use the data folder, and the data is there after it is opened again", async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), "drawbridge-store-"));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const first = await openStore({ dataDir, log: silent });
  const kept = await createOperation(first.db, { kind: "up", request: {}, requestedBy: "me", deadlineSeconds: 60 });
  await assert.rejects(openStore({ dataDir, log: silent }), (error) => error instanceof ProblemError && error.problem.code === "not_ready");
  await first.close();
  const second = await openStore({ dataDir, log: silent });
  assert.deepEqual(await findOperation(second.db, kept.id), kept);
  await second.close();
});
