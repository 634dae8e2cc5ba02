import { type Selectable, sql } from "kysely";
import { anyOf } from "./database/any-of.ts";
import type { Database } from "./database/database.ts";
import { type Db, inTransaction } from "./database/transaction.ts";

/** The holder of a lease: with these facts a successor on this host can prove that no process of the holder runs any more. */
export interface LeaseHolder {
  /** The operation that it was taken for; `<operation>-<epoch>` is its processes' marker */
  operation: string;
  /** One per service process */
  owner: string;
  pid: number;
  /** Clock ticks since boot, because pids are reused; empty where the host doesn't tell */
  processStart: string;
  host: string;
}

export interface Lease extends LeaseHolder {
  resource: string;
  /** The runner that works under it, once one does */
  runner?: string;
  epoch: number;
  /** Milliseconds since the last heartbeat, by the database's clock */
  age: number;
}

export type LeaseVerdict = "wait" | "steal";

/** The leases on these resources; on all, when none are named. */
export async function findLeases(db: Db, resources?: readonly string[]): Promise<Lease[]> {
  let query = selectLeases(db);
  if (resources !== undefined) query = query.where("resource", "=", anyOf(resources));
  return (await query.orderBy("resource").execute()).map(leaseOf);
}

/**
 * Takes all of the resources or none, under one new epoch; undefined when `judge` wants to wait for one of them. Rows
 * are locked in sorted order and the epoch is drawn under those locks, so epochs rise per resource and nobody deadlocks.
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
      // Epoch 0 exists inside this transaction only: those rows were free and stay so.
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

/** Writes down which runner works under the epoch, before it is given any work. False when the lease is lost. */
export async function recordRunner(db: Db, epoch: number, runner: string): Promise<boolean> {
  const recorded = await db.updateTable("leases").set({ runner }).where("epoch", "=", epoch).executeTakeFirst();
  return recorded.numUpdatedRows > 0n;
}

/** Gives back what is held under this epoch; a stale epoch gives nothing back. */
export async function releaseLeases(db: Db, epoch: number): Promise<void> {
  await db.deleteFrom("leases").where("epoch", "=", epoch).execute();
}

/** Undoes a takeover of one resource: its former holder has it again, unchanged. */
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
