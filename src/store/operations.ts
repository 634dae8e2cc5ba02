import { randomUUID } from "node:crypto";
import { type Selectable, sql } from "kysely";
import type { StackAddress } from "../../stacks/stack.ts";
import type { VisibleTenants } from "../model/caller.ts";
import { changingKinds, isTerminal, type Operation, type OperationKind, type OperationState } from "../model/operation.ts";
import { anyOf } from "./database/any-of.ts";
import { keyOfCursor, type Page, pageOf } from "./database/cursor.ts";
import type { OperationsTable } from "./database/database.ts";
import type { Db } from "./database/transaction.ts";

/** An operation with the fields that only we need: how to run it, who requested it, and its fencing. */
export interface StoredOperation extends Operation {
  /** The verb's frozen input. Later changes don't alter what runs. */
  request: Record<string, unknown>;
  /** The caller's subject */
  requestedBy: string;
  /** The AWS plugin that it ran on */
  plugin?: "official" | "stand-in";
  /** The lease epoch it runs under; 0 before the first run */
  epoch: number;
  deadlineSeconds: number;
  /** Somebody cancelled it. Its owner sees that within seconds. */
  cancelRequested: boolean;
}

export interface NewOperation {
  /** A UUID. Default: a new one; the caller gives one that it has already told somebody */
  id?: string;
  kind: OperationKind;
  tenant?: string | undefined;
  integration?: string | undefined;
  parent?: string | undefined;
  stacks?: StackAddress[];
  planHash?: string | undefined;
  request: Record<string, unknown>;
  requestedBy: string;
  deadlineSeconds: number;
}

/** Named one by one, so that a column of a newer schema doesn't change a statement's result (prepared.ts). */
const columns = [
  "id",
  "kind",
  "state",
  "tenant",
  "integration",
  "parent",
  "stacks",
  "attempt",
  "plan_hash",
  "superseded_by",
  "created_at",
  "started_at",
  "finished_at",
  "result",
  "error",
  "request",
  "requested_by",
  "plugin",
  "epoch",
  "deadline_seconds",
  "cancel_requested",
] as const satisfies (keyof OperationsTable)[];

type OperationRow = Pick<Selectable<OperationsTable>, (typeof columns)[number]> & { children: string[] | null };

/** Accepts an operation as `queued`, with its first event. The caller enqueues it in the same transaction. */
export async function createOperation(db: Db, operation: NewOperation): Promise<StoredOperation> {
  const id = operation.id ?? randomUUID();
  const row = await db
    .with("created", (one) =>
      one
        .insertInto("operations")
        .values({
          id,
          kind: operation.kind,
          state: "queued",
          tenant: operation.tenant ?? null,
          integration: operation.integration ?? null,
          parent: operation.parent ?? null,
          stacks: JSON.stringify(operation.stacks ?? []),
          plan_hash: operation.planHash ?? null,
          request: JSON.stringify(operation.request),
          requested_by: operation.requestedBy,
          deadline_seconds: operation.deadlineSeconds,
          last_seq: 1,
        })
        .returning(columns),
    )
    .with("told", (one) =>
      one.insertInto("operation_events").values({ operation: id, seq: 1, type: "state", data: JSON.stringify({ state: "queued" }) }),
    )
    .selectFrom("created")
    .select(columns)
    .executeTakeFirstOrThrow();
  return operationOf({ ...row, children: null });
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The operation with that id. `id` may be any text. */
export async function findOperation(db: Db, id: string): Promise<StoredOperation | undefined> {
  if (!uuid.test(id)) return undefined;
  const row = await selectOperations(db).where("o.id", "=", id).executeTakeFirst();
  return row === undefined ? undefined : operationOf(row);
}

export interface OperationFilter {
  tenants: VisibleTenants;
  tenant?: string | undefined;
  integration?: string | undefined;
  kind?: OperationKind | undefined;
  state?: OperationState | undefined;
  limit: number;
  cursor?: string | undefined;
}

/**
 * One page of operations, newest first. Only callers that hold all tenants see an operation without a tenant (a vendor's revocation).
 *
 * @throws ProblemError invalid_request for a cursor that isn't ours
 */
export async function listOperations(db: Db, filter: OperationFilter): Promise<Page<StoredOperation>> {
  if (filter.tenants !== "*" && filter.tenants.length === 0) return { items: [], nextCursor: null };
  let query = selectOperations(db);
  if (filter.tenants !== "*") query = query.where("o.tenant", "=", anyOf(filter.tenants));
  if (filter.tenant !== undefined) query = query.where("o.tenant", "=", filter.tenant);
  if (filter.integration !== undefined) query = query.where("o.integration", "=", filter.integration);
  if (filter.kind !== undefined) query = query.where("o.kind", "=", filter.kind);
  if (filter.state !== undefined) query = query.where("o.state", "=", filter.state);
  if (filter.cursor !== undefined) {
    // The cursor is an operation's id, because its position would tell how many operations other tenants have.
    const last = keyOfCursor(filter.cursor, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    query = query.where("o.position", "<", (eb) => eb.selectFrom("operations as last").select("last.position").where("last.id", "=", last));
  }
  const rows = await query
    .orderBy("o.position", "desc")
    .limit(filter.limit + 1)
    .execute();
  return pageOf(rows, filter.limit, (row) => row.id, operationOf);
}

/** The integration's operations that haven't ended, oldest first. With `kinds`, only those kinds. */
export async function openOperations(db: Db, tenant: string, integration: string, kinds?: OperationKind[]): Promise<StoredOperation[]> {
  let query = selectOperations(db)
    .where("o.tenant", "=", tenant)
    .where("o.integration", "=", integration)
    .where("o.state", "in", ["queued", "running", "awaiting-approval"]);
  if (kinds !== undefined) query = query.where("o.kind", "in", kinds);
  const rows = await query.orderBy("o.position").execute();
  return rows.map(operationOf);
}

/** The latest of the integration's operations that haven't ended. Default: of all kinds except those that only look. */
export async function currentOperation(
  db: Db,
  tenant: string,
  integration: string,
  kinds: OperationKind[] = changingKinds,
): Promise<StoredOperation | undefined> {
  return (await openOperations(db, tenant, integration, kinds)).at(-1);
}

/** The tenant's offboarding that hasn't ended. */
export async function findOpenOffboard(db: Db, tenant: string): Promise<StoredOperation | undefined> {
  const row = await selectOperations(db)
    .where("o.kind", "=", "offboard")
    .where("o.tenant", "=", tenant)
    .where("o.state", "in", ["queued", "running"])
    .executeTakeFirst();
  return row === undefined ? undefined : operationOf(row);
}

/**
 * The latest teardown that was accepted after this operation, of its integration or of its tenant. A cancelled teardown counts only if it
 * had closed the trusts; otherwise it has changed nothing.
 */
export async function findLaterTeardown(db: Db, id: string): Promise<string | undefined> {
  const row = await laterOf(db, id).where(isTeardown).executeTakeFirst();
  return row?.id;
}

/**
 * The latest operation that was accepted after this one and makes it pointless: a teardown, or a request in which somebody wrote something
 * new.
 */
export async function findOvertaking(db: Db, id: string): Promise<string | undefined> {
  const row = await laterOf(db, id)
    .where((eb) => eb.or([isTeardown, isNewRequest]))
    .executeTakeFirst();
  return row?.id;
}

const isTeardown = sql<boolean>`(o.kind = 'offboard' or o.kind = 'destroy' and o.integration = mine.integration)
  and (o.state <> 'cancelled' or exists (select from integrations i
    where i.tenant = mine.tenant and i.name = mine.integration and i.record->'closedByTeardown' = 'true'::jsonb))`;

/**
 * The request's `authors` record who wrote each part of it, with the operation that their own request opened. An entry with this
 * operation's id means that this request wrote something new.
 */
const isNewRequest = sql<boolean>`o.integration = mine.integration and o.kind in ('up', 'rotate', 'adopt')
  and o.request->'authors' @> jsonb_build_array(jsonb_build_object('operation', o.id))`;

const laterOf = (db: Db, id: string) =>
  db
    .selectFrom("operations as o")
    .innerJoin("operations as mine", (join) => join.onRef("mine.tenant", "=", "o.tenant").on("mine.id", "=", id))
    .whereRef("o.position", ">", "mine.position")
    .where("mine.integration", "is not", null)
    .select("o.id")
    .orderBy("o.position", "desc")
    .limit(1);

/** How many of the tenant's operations are queued or running. */
export async function countOpenOperations(db: Db, tenant: string): Promise<number> {
  const row = await db
    .selectFrom("operations")
    .select((select) => select.fn.countAll<number>().as("count"))
    .where("tenant", "=", tenant)
    .where("state", "in", ["queued", "running"])
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** The children of this operation, in order. */
export async function childrenOf(db: Db, parent: string): Promise<StoredOperation[]> {
  const rows = await selectOperations(db).where("o.parent", "=", parent).orderBy("o.position").execute();
  return rows.map(operationOf);
}

/** All operations in one state, oldest first. Recovery looks through them. */
export async function operationsInState(db: Db, state: OperationState): Promise<StoredOperation[]> {
  const rows = await selectOperations(db).where("o.state", "=", state).orderBy("o.position").execute();
  return rows.map(operationOf);
}

/** The ids of all operations that wait, oldest first. There may be thousands, and recovery seldom reads one of them. */
export async function queuedIds(db: Db): Promise<string[]> {
  const rows = await db.selectFrom("operations").select("id").where("state", "=", "queued").orderBy("position").execute();
  return rows.map((row) => row.id);
}

const selectOperations = (db: Db) =>
  db
    .selectFrom("operations as o")
    .select(columns.map((column) => `o.${column}` as const))
    .select(sql<string[] | null>`(select jsonb_agg(c.id order by c.position) from operations c where c.parent = o.id)`.as("children"));

function operationOf(row: OperationRow): StoredOperation {
  return {
    id: row.id,
    kind: row.kind,
    state: row.state,
    ...(row.tenant !== null && { tenant: row.tenant }),
    ...(row.integration !== null && { integration: row.integration }),
    ...(row.parent !== null && { parent: row.parent }),
    ...(row.children !== null && { children: row.children }),
    stacks: row.stacks as StackAddress[],
    attempt: row.attempt,
    ...(row.plan_hash !== null && { planHash: row.plan_hash }),
    ...(row.superseded_by !== null && { supersededBy: row.superseded_by }),
    createdAt: row.created_at.toISOString(),
    ...(row.started_at !== null && { startedAt: row.started_at.toISOString() }),
    ...(row.finished_at !== null && { finishedAt: row.finished_at.toISOString() }),
    ...(row.result !== null && { result: row.result }),
    ...(row.error !== null && { error: row.error }),
    request: row.request,
    requestedBy: row.requested_by,
    ...(row.plugin !== null && { plugin: row.plugin === "official" ? "official" : "stand-in" }),
    epoch: row.epoch,
    deadlineSeconds: row.deadline_seconds,
    // An operation that has ended can't be cancelled any more.
    cancelRequested: row.cancel_requested && !isTerminal(row.state),
  };
}
