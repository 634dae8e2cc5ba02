/** One of several processes that contend for one lease. It increments a number by reading and writing it, only under the lease. */
import { sql } from "kysely";
import { withLeases } from "../../src/operations/lease.ts";
import { openStore } from "../../src/store/store.ts";
import { silent } from "../store/backends.ts";

const [databaseUrl, times] = process.argv.slice(2);
const store = await openStore({ databaseUrl, dataDir: "", log: silent });
for (let index = 0; index < Number(times); index++) {
  await withLeases(store, { resources: ["b", "a"], owner: `p${process.pid}`, operation: "op", waitSeconds: 60 }, async ({ epoch }) => {
    const { rows } = await sql<{ n: number }>`select n from counter`.execute(store.db);
    await sql`insert into entries (epoch) values (${epoch})`.execute(store.db);
    await sql`update counter set n = ${(rows[0]?.n ?? 0) + 1}`.execute(store.db);
  });
}
await store.close();
