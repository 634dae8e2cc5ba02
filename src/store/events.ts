import { sql } from "kysely";
import type { OperationEvent, OperationState } from "../operations/operation.ts";
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
  const text = JSON.stringify(data);
  const { rows } = await sql<{ seq: number; at: Date }>`
    with owned as (
      update operations set last_seq = last_seq + 1
      where id = ${operationId} and epoch = ${epoch} and state = 'running'
      returning id, last_seq
    )
    insert into operation_events (operation, seq, type, data)
    select id, last_seq, ${type}, ${text}::jsonb from owned
    returning seq, at`.execute(db);
  const written = rows[0];
  if (written === undefined) {
    throw new ProblemError("operation_interrupted", "The operation has ended or another worker has taken it over; look at its state.", {
      cause: "stale-event",
    });
  }
  // Equal to what the row holds, whatever becomes of the caller's object.
  return { seq: written.seq, at: written.at.toISOString(), type, data: JSON.parse(text) };
}

/** The operation's events with a higher `seq`, in order, at most `limit`. */
export async function eventsAfter(db: Db, operationId: string, seq: number, limit: number): Promise<OperationEvent[]> {
  return (await stateAndEvents(db, operationId, seq, limit))?.events ?? [];
}

/** The operation's state and those events, by one look: when it has ended, all of them are there. */
export async function stateAndEvents(
  db: Db,
  operationId: string,
  seq: number,
  limit: number,
): Promise<{ state: OperationState; events: OperationEvent[] } | undefined> {
  const { rows } = await sql<
    { state: OperationState } & ({ seq: null } | { seq: number; at: Date; type: string; data: OperationEvent["data"] })
  >`
    select o.state, e.seq, e.at, e.type, e.data from operations o left join operation_events e on e.operation = o.id and e.seq > ${seq}
    where o.id = ${operationId} order by e.seq limit ${limit}`.execute(db);
  const [first] = rows;
  if (first === undefined) return undefined;
  const events = rows.flatMap((row) =>
    row.seq === null ? [] : [{ seq: row.seq, at: row.at.toISOString(), type: row.type, data: row.data }],
  );
  return { state: first.state, events };
}
