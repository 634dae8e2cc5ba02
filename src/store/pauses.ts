import type { Db } from "./database/transaction.ts";

/** `service`, or `tenant/<name>`. */
export type PauseScope = "service" | `tenant/${string}`;

export interface Pause {
  scope: string;
  reason: string;
  /** The caller's subject */
  requestedBy: string;
  /** RFC 3339 */
  since: string;
}

/** Every pause in force. */
export async function pausesNow(db: Db): Promise<Pause[]> {
  const rows = await db.selectFrom("pauses").selectAll().orderBy("scope").execute();
  return rows.map(({ scope, reason, requested_by, since }) => ({ scope, reason, requestedBy: requested_by, since: since.toISOString() }));
}

export async function pause(db: Db, { scope, reason, requestedBy }: Omit<Pause, "since">): Promise<void> {
  await db
    .insertInto("pauses")
    .values({ scope, reason, requested_by: requestedBy })
    .onConflict((conflict) => conflict.column("scope").doUpdateSet({ reason, requested_by: requestedBy }))
    .execute();
}

export async function resume(db: Db, scope: PauseScope): Promise<void> {
  await db.deleteFrom("pauses").where("scope", "=", scope).execute();
}
