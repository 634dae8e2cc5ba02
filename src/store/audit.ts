import { sql } from "kysely";
import { type AuditEntry, type AuditHead, type AuditRow, chain } from "../model/audit-entry.ts";
import type { VisibleTenants } from "../model/caller.ts";
import { anyOf } from "./database/any-of.ts";
import { keyOfCursor, type Page, pageOf } from "./database/cursor.ts";
import { type Db, inTransaction } from "./database/transaction.ts";

export type NewAuditEntry = Omit<AuditEntry, "seq">;

/** Adds a row at the end of the chain. Resolves when the row is committed. */
export type AppendAudit = (entry: NewAuditEntry) => Promise<void>;

interface Waiting {
  entry: NewAuditEntry;
  resolve(): void;
  reject(reason: unknown): void;
}

/**
 * The end of the chain for one process. Rows have numbers without gaps, over all replicas. Entries that arrive during a write are written
 * together by the next write. Each caller waits until its own row is written.
 */
export function auditAppender(db: Db): AppendAudit {
  let head: AuditHead | undefined;
  let waiting: Waiting[] = [];
  let writing = false;

  const write = async (batch: readonly Waiting[]): Promise<void> => {
    try {
      head = await extendChain(
        db,
        batch.map(({ entry }) => entry),
        head,
      );
      for (const { resolve } of batch) resolve();
    } catch (error) {
      head = undefined;
      // If one entry can't be stored, the others are still written.
      if (batch.length > 1) for (const one of batch) await write([one]);
      else for (const { reject } of batch) reject(error);
    }
  };

  const drain = async () => {
    writing = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await write(batch);
    }
    writing = false;
  };

  return (entry) =>
    new Promise((resolve, reject) => {
      waiting.push({ entry, resolve, reject });
      if (!writing) void drain();
    });
}

/** Uses one statement if the chain still ends at `known`; otherwise locks and reads the end first. Returns the new end. */
async function extendChain(db: Db, entries: readonly NewAuditEntry[], known: AuditHead | undefined): Promise<AuditHead> {
  const extended = known && (await extendFrom(db, entries, known));
  if (extended) return extended;
  return inTransaction(db, async (trx) => {
    const head = await trx.selectFrom("audit_head").select(["seq", "hash"]).forUpdate().executeTakeFirstOrThrow();
    const locked = await extendFrom(trx, entries, head);
    if (!locked) throw new Error("the end of the audit moved while it was locked");
    return locked;
  });
}

/** Returns undefined and writes nothing if the chain no longer ends at `head`. */
async function extendFrom(db: Db, entries: readonly NewAuditEntry[], head: AuditHead): Promise<AuditHead | undefined> {
  const rows: AuditRow[] = [];
  let last = head;
  for (const entry of entries) {
    const row = chain(last, entry);
    rows.push(row);
    last = { seq: row.entry.seq, hash: row.hash };
  }
  const { numAffectedRows } = await sql`
    with moved as (
      update audit_head set seq = ${last.seq}, hash = ${last.hash} where seq = ${head.seq} and hash = ${head.hash} returning seq
    )
    insert into audit (seq, entry, previous, hash)
    select (row.entry->>'seq')::bigint, row.entry, row.previous, row.hash
    from moved, jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as row (entry jsonb, previous text, hash text)`.execute(db);
  return numAffectedRows === BigInt(rows.length) ? last : undefined;
}

export interface AuditFilters {
  tenants: VisibleTenants;
  tenant?: string | undefined;
  subject?: string | undefined;
  operation?: string | undefined;
  action?: string | undefined;
  /** RFC 3339 in UTC */
  since?: string | undefined;
  until?: string | undefined;
  limit: number;
  cursor?: string | undefined;
}

/** One page, newest first. The cursor is a row's random id, because its number would tell how many rows others have. */
export async function listAudit(db: Db, { tenants, limit, cursor, since, until, ...equal }: AuditFilters): Promise<Page<AuditRow>> {
  if (tenants !== "*" && tenants.length === 0) return { items: [], nextCursor: null };
  let query = db.selectFrom("audit").select(["entry", "previous", "hash"]);
  if (tenants !== "*") query = query.where("tenant", "=", anyOf(tenants));
  for (const column of ["tenant", "subject", "operation", "action"] as const) {
    const value = equal[column];
    if (value !== undefined) query = query.where(column, "=", value);
  }
  if (since !== undefined) query = query.where("at", ">=", since);
  if (until !== undefined) query = query.where("at", "<", until);
  if (cursor !== undefined) {
    const id = keyOfCursor(cursor, /^[0-9a-f-]{36}$/);
    query = query.where("seq", "<", (eb) => {
      const row = eb.selectFrom("audit as last").select("last.seq").where("last.id", "=", id);
      return tenants === "*" ? row : row.where("last.tenant", "=", anyOf(tenants));
    });
  }
  const rows = await query
    .orderBy("seq", "desc")
    .limit(limit + 1)
    .execute();
  return pageOf(
    rows,
    limit,
    (row) => row.entry.id,
    (row) => row,
  );
}

/** The rows with a number above `after`, in order. */
export async function auditAfter(db: Db, after: number, limit: number): Promise<AuditRow[]> {
  return db.selectFrom("audit").select(["entry", "previous", "hash"]).where("seq", ">", after).orderBy("seq").limit(limit).execute();
}

/** The recorded end of the chain. */
export async function auditHead(db: Db): Promise<AuditHead> {
  return db.selectFrom("audit_head").select(["seq", "hash"]).executeTakeFirstOrThrow();
}
