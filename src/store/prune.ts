/** Deletes operations that ended long ago. Receipts, the audit and tombstones stay. */
import { sql } from "kysely";
import type { Db } from "./database/transaction.ts";
import { forgetOldPositions } from "./fair-queue.ts";

/** The most operations that one call deletes, because it runs beside everything else. */
export const pruneBatch = 500;

/**
 * Deletes operations that ended more than `days` days ago, oldest first, with their events; also deletes old positions of the fair queue.
 * The last `up` of an integration stays, because the integration refers to it. A parent is deleted after its children. Returns how many
 * operations were deleted.
 */
export async function pruneOperations(db: Db, days: number, batch = pruneBatch): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from operations where id in (
      select o.id from operations o
      where o.finished_at < clock_timestamp() - ${days} * interval '1 day'
        and not exists (select 1 from operations c where c.parent = o.id)
        and not exists (
          select 1 from integrations i
          where i.tenant = o.tenant and i.name = o.integration and i.record->'lastUp'->>'operation' = o.id::text
        )
      order by o.finished_at limit ${batch}
    )`.execute(db);
  await forgetOldPositions(db);
  return Number(numAffectedRows ?? 0);
}
