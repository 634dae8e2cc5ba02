import { sql } from "kysely";
import type { OperationEvent } from "../operations/operation.ts";
import { ProblemError } from "../problem.ts";
import type { Db } from "./transaction.ts";

/**
 * Writes the operation's next event; seq has no gaps, because the number is taken under the row's lock in the same
 * statement. `operation_interrupted` unless the operation runs under this epoch.
 */
export async function appendEvent(
  db: Db,
  operationId: string,
  epoch: number,
  type: string,
  data: Record<string, unknown>,
): Promise<OperationEvent> {
  const { rows } = await sql<{ seq: number; at: Date }>`
    with owned as (
      update operations set last_seq = last_seq + 1
      where id = ${operationId} and epoch = ${epoch} and state = 'running'
      returning id, last_seq
    )
    insert into operation_events (operation, seq, type, data)
    select id, last_seq, ${type}, ${JSON.stringify(data)}::jsonb from owned
    returning seq, at`.execute(db);
  const written = rows[0];
  if (written === undefined) {
    throw new ProblemError("operation_interrupted", "The operation has ended or another worker has taken it over; look at its state.", {
      cause: "stale-event",
    });
  }
  return { seq: written.seq, at: written.at.toISOString(), type, data };
}

/** The operation's events with a higher `seq`, in order, at most `limit`. */
export async function eventsAfter(db: Db, operationId: string, seq: number, limit: number): Promise<OperationEvent[]> {
  const rows = await db
    .selectFrom("operation_events")
    .select(["seq", "at", "type", "data"])
    .where("operation", "=", operationId)
    .where("seq", ">", seq)
    .orderBy("seq")
    .limit(limit)
    .execute();
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
}
