import { sql } from "kysely";
import type { OperationEvent, OperationState } from "../model/operation.ts";
import { ProblemError } from "../problem.ts";
import type { Db } from "./database/transaction.ts";

/** An event that has no number yet. */
export type NewEvent = Pick<OperationEvent, "type" | "data">;

/**
 * Writes the operation's next events, in this order. `seq` has no gaps, because the same statement takes the numbers under the row's lock.
 *
 * @throws ProblemError operation_interrupted unless the operation runs under this epoch
 */
export async function appendEvents(db: Db, operationId: string, epoch: number, events: readonly NewEvent[]): Promise<OperationEvent[]> {
  const text = JSON.stringify(events);
  const { rows } = await sql<{ seq: number; at: Date }>`
    with owned as (
      update operations set last_seq = last_seq + ${events.length}
      where id = ${operationId} and epoch = ${epoch} and state = 'running'
      returning id, last_seq
    )
    insert into operation_events (operation, seq, type, data)
    select id, last_seq - ${events.length} + nth, event->>'type', event->'data'
    from owned, jsonb_array_elements(${text}::jsonb) with ordinality as given (event, nth)
    returning seq, at`.execute(db);
  if (rows.length === 0) {
    throw new ProblemError("operation_interrupted", "The operation has ended or another worker has taken it over; look at its state.", {
      cause: "stale-event",
    });
  }
  // A copy of the stored text: it stays equal to the rows even if the caller changes its objects.
  const written = JSON.parse(text) as NewEvent[];
  const numbered = rows.toSorted((a, b) => a.seq - b.seq);
  return written.flatMap((event, nth) => (numbered[nth] ? [{ seq: numbered[nth].seq, at: numbered[nth].at.toISOString(), ...event }] : []));
}

/** The operation's events with a higher `seq`, in order, at most `limit`. */
export async function eventsAfter(db: Db, operationId: string, seq: number, limit: number): Promise<OperationEvent[]> {
  return (await stateAndEvents(db, operationId, seq, limit))?.events ?? [];
}

/** The operation's state and those events, in one read. So if the state is an end, all events are there. */
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
