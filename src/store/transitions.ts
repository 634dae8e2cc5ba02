/**
 * Every change of an operation's state. SQL guards each change by the state before it and, during a run, by its lease epoch: a worker that
 * lost its lease changes nothing. Each change writes a `state` event in the same transaction.
 */
import { sql } from "kysely";
import { type OperationState, transitions } from "../model/operation.ts";
import { type Problem, ProblemError } from "../problem.ts";
import { type Db, inTransaction } from "./database/transaction.ts";
import { findOperation, findOvertaking, type StoredOperation } from "./operations.ts";
import { lockName } from "./tenants.ts";

interface Change {
  to: OperationState;
  /** The only allowed states before the change. Default: all legal ones */
  from?: readonly OperationState[];
  /** The epoch that the writer holds. The row must have the same. */
  heldEpoch?: number;
  /** The epoch of a new owner. The row's epoch must be lower. */
  newEpoch?: number;
  set?: {
    error?: Problem | undefined;
    result?: Record<string, unknown> | undefined;
    planHash?: string | undefined;
    supersededBy?: string | undefined;
    plugin?: string | undefined;
    approvedBy?: string | undefined;
    bumpAttempt?: boolean;
    bumpEpoch?: boolean;
  };
}

/** queued (or running, if its owner is dead) → running, under a newer epoch. A second run counts as an attempt. */
export async function startOperation(
  db: Db,
  id: string,
  { epoch, plugin }: { epoch: number; plugin?: string | undefined },
): Promise<StoredOperation> {
  return mustChange(db, id, { to: "running", newEpoch: epoch, set: { plugin } });
}

export type Outcome =
  | { state: "succeeded"; result?: Record<string, unknown> | undefined }
  | { state: "failed"; error: Problem; result?: Record<string, unknown> | undefined }
  | { state: "cancelled"; error?: Problem | undefined; result?: Record<string, unknown> | undefined };

/** running → its end, once. @throws ProblemError operation_interrupted for a worker whose epoch is stale */
export async function finishOperation(db: Db, id: string, epoch: number, outcome: Outcome): Promise<StoredOperation> {
  const { state, result } = outcome;
  const error = state === "succeeded" ? undefined : outcome.error;
  return mustChange(db, id, { to: state, from: ["running"], heldEpoch: epoch, set: { error, result } });
}

/**
 * running → awaiting-approval, with the plan of the run. If a newer operation overtook it meanwhile: running → cancelled, because accepting
 * the newer one cancels only operations that already wait.
 */
export async function parkOperation(
  db: Db,
  id: string,
  epoch: number,
  plan: { planHash: string; result?: Record<string, unknown> },
): Promise<StoredOperation> {
  return inTransaction(db, async (trx) => {
    const tenant = (await findOperation(trx, id))?.tenant;
    if (tenant !== undefined) await lockName(trx, { tenant });
    const supersededBy = await findOvertaking(trx, id);
    if (supersededBy !== undefined) return mustChange(trx, id, { to: "cancelled", heldEpoch: epoch, set: { supersededBy } });
    return mustChange(trx, id, { to: "awaiting-approval", heldEpoch: epoch, set: plan });
  });
}

/** awaiting-approval → queued, with the approver. The caller enqueues it in the same transaction. */
export async function approveOperation(db: Db, id: string, approvedBy: string): Promise<StoredOperation> {
  return mustChange(db, id, { to: "queued", from: ["awaiting-approval"], set: { approvedBy } });
}

/**
 * running → queued: a run was given back, or taken from a dead owner. The epoch rises, so fencing stops the old owner at once. With
 * `counts: false` (given back in good order) it isn't an attempt: restarts of the service must not use an operation's attempts up.
 */
export async function requeueOperation(db: Db, id: string, epoch: number, { counts = true } = {}): Promise<StoredOperation> {
  return mustChange(db, id, { to: "queued", from: ["running"], heldEpoch: epoch, set: { bumpAttempt: counts, bumpEpoch: true } });
}

/** queued or awaiting-approval → cancelled; undefined if its state has changed meanwhile. */
export async function cancelWaiting(
  db: Db,
  id: string,
  more: { supersededBy?: string; error?: Problem } = {},
): Promise<StoredOperation | undefined> {
  return change(db, id, { to: "cancelled", from: ["queued", "awaiting-approval"], set: more });
}

/** queued or awaiting-approval → failed, without a run; undefined if its state has changed meanwhile. */
export async function failWaiting(db: Db, id: string, error: Problem): Promise<StoredOperation | undefined> {
  return change(db, id, { to: "failed", from: ["queued", "awaiting-approval"], set: { error } });
}

/** Asks the owner of a running operation, in any process, to end it; undefined if it doesn't run. */
export async function requestCancel(db: Db, id: string): Promise<StoredOperation | undefined> {
  const asked = await db
    .updateTable("operations")
    .set({ cancel_requested: true })
    .where("id", "=", id)
    .where("state", "=", "running")
    .returning("id")
    .executeTakeFirst();
  return asked === undefined ? undefined : findOperation(db, id);
}

async function mustChange(db: Db, id: string, wanted: Change): Promise<StoredOperation> {
  const changed = await change(db, id, wanted);
  if (changed !== undefined) return changed;
  if ((await findOperation(db, id)) === undefined) throw new ProblemError("not_found", "There is no such operation.");
  throw new ProblemError("operation_interrupted", "The operation has ended or another worker has taken it over; look at its state.", {
    cause: `not-${wanted.to}`,
  });
}

async function change(db: Db, id: string, { to, from, heldEpoch, newEpoch, set = {} }: Change): Promise<StoredOperation | undefined> {
  const legal = (Object.keys(transitions) as OperationState[]).filter((state) => transitions[state].includes(to));
  const origins = from === undefined ? legal : legal.filter((state) => from.includes(state));
  const ends = transitions[to].length === 0;
  return inTransaction(db, async (trx) => {
    let update = trx.updateTable("operations").where("id", "=", id).where("state", "in", origins);
    if (heldEpoch !== undefined) update = update.where("epoch", "=", heldEpoch);
    if (newEpoch !== undefined) update = update.where("epoch", "<", newEpoch);
    const moved = await update
      .set((row) => ({
        state: to,
        last_seq: row("last_seq", "+", 1),
        ...(set.bumpAttempt === true && { attempt: row("attempt", "+", 1) }),
        ...(set.bumpEpoch === true && { epoch: sql<number>`nextval('epochs')` }),
        ...(newEpoch !== undefined && {
          epoch: newEpoch,
          attempt: sql<number>`attempt + case when state = 'running' then 1 else 0 end`,
          started_at: sql<string>`coalesce(started_at, clock_timestamp())`,
        }),
        ...(ends && { finished_at: sql<string>`clock_timestamp()` }),
        ...(set.error !== undefined && { error: JSON.stringify(set.error) }),
        ...(set.result !== undefined && { result: JSON.stringify(set.result) }),
        ...(set.planHash !== undefined && { plan_hash: set.planHash }),
        ...(set.supersededBy !== undefined && { superseded_by: set.supersededBy }),
        ...(set.plugin !== undefined && { plugin: set.plugin }),
        ...(set.approvedBy !== undefined && { request: sql<string>`request || ${JSON.stringify({ approvedBy: set.approvedBy })}::jsonb` }),
      }))
      .returning(["last_seq", "attempt"])
      .executeTakeFirst();
    if (moved === undefined) return undefined;
    const data = { state: to, attempt: moved.attempt, ...(set.error && { code: set.error.code }) };
    await trx
      .insertInto("operation_events")
      .values({ operation: id, seq: moved.last_seq, type: "state", data: JSON.stringify(data) })
      .execute();
    return findOperation(trx, id);
  });
}
