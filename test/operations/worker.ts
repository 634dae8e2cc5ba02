/** One replica. It runs short operations and recovers what dead replicas left. takeover.test.ts kills it. */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { createCancelRegistry } from "../../src/operations/cancel.ts";
import { withLeases } from "../../src/operations/lease.ts";
import { ownerLiveness } from "../../src/operations/owner-liveness.ts";
import { openQueue } from "../../src/operations/queue/open-queue.ts";
import { keepRecovering } from "../../src/operations/recover.ts";
import { operationHandler } from "../../src/operations/run.ts";
import { isMarkerAlive, killByMarker, startTimeOf } from "../../src/processes.ts";
import { openStore } from "../../src/store/store.ts";
import { silent } from "../store/backends.ts";

const store = await openStore({ databaseUrl: process.argv[2], dataDir: "", log: silent });
const queue = await openQueue({ store, log: silent, concurrency: 3 });
const owner = randomUUID();
const isDead = ownerLiveness({ startTimeOf, isMarkerAlive, killByMarker });
const stopping = new AbortController();
const self = { owner, pid: process.pid, processStart: (await startTimeOf(process.pid)) ?? "", host: hostname() };
const context = { store, log: silent, cancels: createCancelRegistry(), owner, isDead, maxAttempts: 100 };
await queue.start(
  operationHandler(context, () => async (run) => {
    const { id, tenant, integration } = run.operation;
    const resources = [`stack:${tenant}/${integration}`, "arn:aws:s3:::shared"];
    await withLeases(store, { resources, owner, operation: id, waitSeconds: 60, signal: run.signal, isDead }, async () => {
      for (let index = 0; index < 3; index++) {
        await run.progress("worked", { pid: process.pid, index });
        await sleep(15);
      }
    });
  }),
);
void keepRecovering({ store, queue, log: silent, self, isDead }, { everySeconds: 0.5, signal: stopping.signal });
process.on("SIGTERM", () => {
  stopping.abort();
  void queue
    .close({ graceSeconds: 0.02 })
    .then(() => store.close())
    .then(() => process.exit(0));
});
process.send?.("ready");
