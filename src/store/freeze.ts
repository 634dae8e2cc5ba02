import type { Db } from "./database/transaction.ts";

export interface FreezeRecord {
  reason: string;
  /** The caller's subject */
  requestedBy: string;
  /** RFC 3339 */
  since: string;
}

/** The freeze in force, if there is one. */
export async function findFreeze(db: Db): Promise<FreezeRecord | undefined> {
  const row = await db.selectFrom("freezes").select(["reason", "requested_by", "since"]).executeTakeFirst();
  return row && { reason: row.reason, requestedBy: row.requested_by, since: row.since.toISOString() };
}

/** Begins a freeze. If one is in force, it stays as it is. */
export async function saveFreeze(db: Db, { reason, requestedBy }: Omit<FreezeRecord, "since">): Promise<void> {
  await db
    .insertInto("freezes")
    .values({ reason, requested_by: requestedBy })
    .onConflict((conflict) => conflict.column("one").doNothing())
    .execute();
}

export async function clearFreeze(db: Db): Promise<void> {
  await db.deleteFrom("freezes").execute();
}
