import { type AuditEntry, type AuditHead, type AuditRow, chain } from "../audit/entry.ts";
import { keyOfCursor, type Page, pageOf } from "./cursor.ts";
import type { VisibleTenants } from "./tenants.ts";
import { type Db, inTransaction } from "./transaction.ts";

/** Adds a row at the chain's end, which is locked meanwhile: rows are numbered without gaps, over all replicas. */
export async function appendAudit(db: Db, entry: Omit<AuditEntry, "seq">): Promise<void> {
  await inTransaction(db, async (trx) => {
    const head = await trx.selectFrom("audit_head").select(["seq", "hash"]).forUpdate().executeTakeFirstOrThrow();
    const row = chain(head, entry);
    await trx
      .insertInto("audit")
      .values({ seq: row.entry.seq, entry: JSON.stringify(row.entry), previous: row.previous, hash: row.hash })
      .execute();
    await trx.updateTable("audit_head").set({ seq: row.entry.seq, hash: row.hash }).execute();
  });
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

/** One page, the newest first. The cursor is a row's random id: its number would tell how much others do. */
export async function listAudit(db: Db, { tenants, limit, cursor, since, until, ...equal }: AuditFilters): Promise<Page<AuditRow>> {
  if (tenants !== "*" && tenants.length === 0) return { items: [], nextCursor: null };
  let query = db.selectFrom("audit").select(["entry", "previous", "hash"]);
  if (tenants !== "*") query = query.where("tenant", "in", [...tenants]);
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
      return tenants === "*" ? row : row.where("last.tenant", "in", [...tenants]);
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

/** Where the chain ends, as it was last written down. */
export async function auditHead(db: Db): Promise<AuditHead> {
  return db.selectFrom("audit_head").select(["seq", "hash"]).executeTakeFirstOrThrow();
}
