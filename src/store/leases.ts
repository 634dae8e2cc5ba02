import { type Selectable, sql } from "kysely";
import { anyOf } from "./database/any-of.ts";
import type { Database } from "./database/database.ts";
import { type Db, inTransaction } from "./database/transaction.ts";

/** The holder of a lease. These facts let a successor on this host prove that no process of the holder runs any more. */
export interface LeaseHolder {
  /** The operation that needs the lease; `<operation>-<epoch>` is the marker of its processes */
  operation: string;
  /** One per service process */
  owner: string;
  pid: number;
  /** Clock ticks since boot, because pids are reused; empty if the host doesn't tell */
  processStart: string;
  host: string;
}

export interface Lease extends LeaseHolder {
  resource: string;
  /** The runner that works under the lease; undefined before one does */
  runner?: string;
  epoch: number;
  /** Milliseconds since the last heartbeat, by the database's clock */
  age: number;
}

export type LeaseVerdict = "wait" | "steal";

/** The leases on these resources; without `resources`, all leases. */
export async function findLeases(db: Db, resources?: readonly string[]): Promise<Lease[]> {
  let query = selectLeases(db);
  if (resources !== undefined) query = query.where("resource", "=", anyOf(resources));
  return (await query.orderBy("resource").execute()).map(leaseOf);
}

/**
 * Takes all of the resources or none, under one new epoch. Returns undefined if `judge` says to wait for one of them. Rows are locked in
 * sorted order, and the epoch is drawn under those locks. So epochs rise for each resource, and there is no deadlock.
 */
export async function takeLeases(
  db: Db,
  resources: readonly string[],
  holder: LeaseHolder,
  judge: (lease: Lease) => LeaseVerdict,
): Promise<number | undefined> {
  const sorted = [...new Set(resources)].sort();
  return inTransaction(db, async (trx) => {
    const mine = { ...columnsOf(holder), runner: null, epoch: 0 };
    for (const resource of sorted) {
      await trx
        .insertInto("leases")
        .values({ resource, ...mine })
        .onConflict((conflict) => conflict.column("resource").doNothing())
        .execute();
    }
    const rows = (await selectLeases(trx).where("resource", "=", anyOf(sorted)).orderBy("resource").forUpdate().execute()).map(leaseOf);
    const free = rows.length === sorted.length && rows.every((lease) => lease.epoch === 0 || judge(lease) === "steal");
    if (!free) {
      // Epoch 0 exists only inside this transaction: those rows were free and stay free.
      await trx.deleteFrom("leases").where("resource", "=", anyOf(sorted)).where("epoch", "=", 0).execute();
      return undefined;
    }
    const { rows: drawn } = await sql<{ epoch: number }>`select nextval('epochs') as epoch`.execute(trx);
    const epoch = Number(drawn[0]?.epoch);
    await trx
      .updateTable("leases")
      .set({ ...mine, epoch, heartbeat: sql<string>`clock_timestamp()` })
      .where("resource", "=", anyOf(sorted))
      .execute();
    return epoch;
  });
}

/** The heartbeat of a holder. Returns how many resources it still holds under this epoch. */
export async function heartbeat(db: Db, epoch: number): Promise<number> {
  const beaten = await db
    .updateTable("leases")
    .set({ heartbeat: sql<string>`clock_timestamp()` })
    .where("epoch", "=", epoch)
    .executeTakeFirst();
  return Number(beaten.numUpdatedRows);
}

/** Records which runner works under the epoch, before it gets work. Returns false if the lease is lost. */
export async function recordRunner(db: Db, epoch: number, runner: string): Promise<boolean> {
  const recorded = await db.updateTable("leases").set({ runner }).where("epoch", "=", epoch).executeTakeFirst();
  return recorded.numUpdatedRows > 0n;
}

/** Releases what is held under this epoch. A stale epoch releases nothing. */
export async function releaseLeases(db: Db, epoch: number): Promise<void> {
  await db.deleteFrom("leases").where("epoch", "=", epoch).execute();
}

/** Undoes the takeover of one resource: its former holder has it again, unchanged. */
export async function giveBackLease(db: Db, epoch: number, former: Lease): Promise<void> {
  await db
    .updateTable("leases")
    .set({ ...columnsOf(former), runner: former.runner ?? null, epoch: former.epoch })
    .where("epoch", "=", epoch)
    .where("resource", "=", former.resource)
    .execute();
}

const selectLeases = (db: Db) =>
  db.selectFrom("leases").selectAll().select(sql<number>`(extract(epoch from clock_timestamp() - heartbeat) * 1000)::float8`.as("age"));

function columnsOf({ operation, owner, pid, processStart, host }: LeaseHolder) {
  return { operation, owner, pid, process_start: processStart, host };
}

function leaseOf(row: Selectable<Database["leases"]> & { age: number }): Lease {
  return {
    resource: row.resource,
    operation: row.operation,
    owner: row.owner,
    ...(row.runner !== null && { runner: row.runner }),
    pid: row.pid,
    processStart: row.process_start,
    host: row.host,
    epoch: row.epoch,
    age: row.age,
  };
}
