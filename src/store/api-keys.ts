import { type Selectable, sql } from "kysely";
import type { Scope } from "../model/caller.ts";
import { keyOfCursor, type Page, pageOf } from "./database/cursor.ts";
import type { Database } from "./database/database.ts";
import type { Db } from "./database/transaction.ts";

/** Everything that we know about a key after it was made, except the key itself. */
export interface ApiKeyRecord {
  id: string;
  /** The id of the first key of its rotations */
  family: string;
  subject: string;
  tenants: "*" | string[];
  scopes: Scope[];
  /** The subject of the caller that made it */
  createdBy: string;
  /** RFC 3339, like the other times */
  createdAt: string;
  expiresAt?: string;
  /** To the minute */
  lastUsedAt?: string;
}

export interface NewApiKey extends Omit<ApiKeyRecord, "createdAt" | "lastUsedAt"> {
  /** SHA-256 (hex) of the key */
  digest: string;
}

export async function insertApiKey(
  db: Db,
  { id, family, digest, subject, tenants, scopes, createdBy, expiresAt }: NewApiKey,
): Promise<ApiKeyRecord> {
  const row = await db
    .insertInto("api_keys")
    .values({
      id,
      family,
      digest,
      subject,
      tenants: JSON.stringify(tenants),
      scopes: JSON.stringify(scopes),
      created_by: createdBy,
      expires_at: expiresAt ?? null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return recordOf(row);
}

/** The key with that digest (SHA-256, hex), even if it has expired. */
export async function findApiKeyByDigest(db: Db, digest: string): Promise<(ApiKeyRecord & { digest: string }) | undefined> {
  const row = await db.selectFrom("api_keys").selectAll().where("digest", "=", digest).executeTakeFirst();
  return row && { ...recordOf(row), digest: row.digest };
}

export async function findApiKey(db: Db, id: string): Promise<ApiKeyRecord | undefined> {
  const row = await db.selectFrom("api_keys").selectAll().where("id", "=", id).executeTakeFirst();
  return row && recordOf(row);
}

/** The newest key of these rotations that hasn't ended. */
export async function findLiveKey(db: Db, family: string): Promise<ApiKeyRecord | undefined> {
  const row = await db
    .selectFrom("api_keys")
    .selectAll()
    .where(sql<string>`coalesce(family, id)`, "=", family)
    .where((eb) => eb.or([eb("expires_at", "is", null), eb("expires_at", ">", sql<Date>`clock_timestamp()`)]))
    .orderBy("created_at", "desc")
    .limit(1)
    .executeTakeFirst();
  return row && recordOf(row);
}

/** Records the use of the key, at most once a minute: a write for each request would cost more than it tells. */
export async function touchApiKey(db: Db, id: string): Promise<void> {
  await db
    .updateTable("api_keys")
    .set({ last_used_at: sql`clock_timestamp()` })
    .where("id", "=", id)
    .where((eb) => eb.or([eb("last_used_at", "is", null), eb("last_used_at", "<", sql<Date>`clock_timestamp() - interval '1 minute'`)]))
    .execute();
}

/** Makes the key expire at `at` (RFC 3339), unless it expires earlier. */
export async function endApiKey(db: Db, id: string, at: string): Promise<void> {
  await db
    .updateTable("api_keys")
    .set({ expires_at: sql`least(expires_at, ${at}::timestamptz)` })
    .where("id", "=", id)
    .execute();
}

/** Returns whether there was one. */
export async function deleteApiKey(db: Db, id: string): Promise<boolean> {
  const deleted = await db.deleteFrom("api_keys").where("id", "=", id).executeTakeFirst();
  return deleted.numDeletedRows > 0n;
}

/** One page by id. @throws ProblemError invalid_request for a cursor that isn't ours */
export async function listApiKeys(db: Db, { limit, cursor }: { limit: number; cursor?: string | undefined }): Promise<Page<ApiKeyRecord>> {
  let query = db.selectFrom("api_keys").selectAll();
  if (cursor !== undefined) query = query.where("id", ">", keyOfCursor(cursor, /^[A-Za-z0-9_-]{1,64}$/));
  const rows = await query
    .orderBy("id")
    .limit(limit + 1)
    .execute();
  return pageOf(rows, limit, (row) => row.id, recordOf);
}

function recordOf(row: Selectable<Database["api_keys"]>): ApiKeyRecord {
  return {
    id: row.id,
    family: row.family ?? row.id,
    subject: row.subject,
    tenants: row.tenants,
    scopes: row.scopes,
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    ...(row.expires_at && { expiresAt: row.expires_at.toISOString() }),
    ...(row.last_used_at && { lastUsedAt: row.last_used_at.toISOString() }),
  };
}
