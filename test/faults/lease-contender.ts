/**
 * One of several processes that request the same leases at the same time. A message tells it which leases to request, and when to release
 * them.
 */
import { once } from "node:events";
import { sql } from "kysely";
import { withLeases } from "../../src/operations/lease.ts";
import { ProblemError } from "../../src/problem.ts";
import { openStore } from "../../src/store/store.ts";
import { silent } from "../store/backends.ts";

/** The answer of a contender after each of its requests was granted or refused. */
export interface Answers {
  won: string[];
  lost: number;
  /** Milliseconds until the last answer */
  slowest: number;
}

const store = await openStore({ databaseUrl: process.argv[2], dataDir: "", log: silent });

/** Works under the lease, records that, and holds it until `released`. Returns whether it got the lease. */
function want(resource: string, released: Promise<unknown>): { answer: Promise<boolean>; end: Promise<unknown> } {
  const { promise: answer, resolve, reject } = Promise.withResolvers<boolean>();
  const request = { resources: [resource], owner: `p${process.pid}`, operation: "contended", waitSeconds: 0 };
  const end = withLeases(store, request, async ({ epoch }) => {
    await sql`insert into winners (resource, pid, epoch) values (${resource}, ${process.pid}, ${epoch})`.execute(store.db);
    resolve(true);
    await released;
  }).catch((error: unknown) => {
    if (error instanceof ProblemError && error.problem.code === "lease_timeout") resolve(false);
    else reject(error);
  });
  return { answer, end };
}

process.on("message", async (resources: string[] | "end" | "release") => {
  if (resources === "release") return;
  if (resources === "end") {
    await store.close();
    process.disconnect();
    return;
  }
  const released = new Promise<void>((resolve) => {
    const look = (message: unknown) => {
      if (message !== "release") return;
      process.off("message", look);
      resolve();
    };
    process.on("message", look);
  });
  const started = performance.now();
  const requests = resources.map((resource) => want(resource, released));
  const got = await Promise.all(requests.map(({ answer }) => answer));
  const won = resources.filter((_, index) => got[index]);
  const answers: Answers = { won, lost: resources.length - won.length, slowest: performance.now() - started };
  process.send?.(answers);
  await Promise.all(requests.map(({ end }) => end));
  process.send?.("released");
});
process.send?.("ready");
await once(process, "disconnect");
