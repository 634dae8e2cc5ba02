import { sql } from "kysely";
import type { Db } from "./database/transaction.ts";

/** The request that an Idempotency-Key belongs to. `bodyHash` is a SHA-256 (hex) over method, URL and body. */
export interface IdempotentRequest {
  caller: string;
  /** `PUT /v1/tenants/{tenant}` */
  route: string;
  key: string;
  bodyHash: string;
}

/** An answer as it was sent, so that it can be sent again. */
export interface StoredAnswer {
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

// A process that ends between `begin` and `finish` leaves its key behind. A request takes seconds.
const abandonedAfter = sql`interval '2 minutes'`;
const keptFor = sql`interval '24 hours'`;

/**
 * Takes the key, or says why it can't. `new`: the caller has it now (also if the earlier request is older than 24 hours or was abandoned).
 * `mismatch`: it was used with another body. `in-flight`: the first request has no answer yet.
 */
export async function begin(
  db: Db,
  { caller, route, key, bodyHash }: IdempotentRequest,
): Promise<"new" | "in-flight" | "mismatch" | { replay: StoredAnswer }> {
  const taken = await sql`
    insert into idempotency_keys (caller, route, key, body_hash) values (${caller}, ${route}, ${key}, ${bodyHash})
    on conflict (caller, route, key) do update
      set body_hash = excluded.body_hash, response = null, created_at = clock_timestamp()
      where idempotency_keys.created_at < clock_timestamp() - ${keptFor}
        or (idempotency_keys.response is null and idempotency_keys.created_at < clock_timestamp() - ${abandonedAfter})
    returning key`.execute(db);
  if (taken.rows.length > 0) return "new";
  const row = await rowOf(db, { caller, route, key });
  if (row === undefined) return "in-flight"; // it was released between the two statements; the client's next attempt gets it
  if (row.body_hash !== bodyHash) return "mismatch";
  return row.response === null ? "in-flight" : { replay: row.response };
}

/** Keeps the answer for 24 hours from `begin`. May run in the transaction that did the work. */
export async function finish(db: Db, { caller, route, key, bodyHash }: IdempotentRequest, answer: StoredAnswer): Promise<void> {
  await db
    .updateTable("idempotency_keys")
    .set({ response: JSON.stringify(answer) })
    .where("caller", "=", caller)
    .where("route", "=", route)
    .where("key", "=", key)
    .where("body_hash", "=", bodyHash)
    .execute();
}

/** Frees the key of a request that was refused or failed. A key that has an answer stays. */
export async function release(db: Db, { caller, route, key }: IdempotentRequest): Promise<void> {
  await db
    .deleteFrom("idempotency_keys")
    .where("caller", "=", caller)
    .where("route", "=", route)
    .where("key", "=", key)
    .where("response", "is", null)
    .execute();
}

/** Deletes keys older than 24 hours. Returns how many. */
export async function sweepIdempotency(db: Db): Promise<number> {
  const swept = await db
    .deleteFrom("idempotency_keys")
    .where("created_at", "<", sql<Date>`clock_timestamp() - ${keptFor}`)
    .executeTakeFirst();
  return Number(swept.numDeletedRows);
}

const rowOf = (db: Db, { caller, route, key }: Omit<IdempotentRequest, "bodyHash">) =>
  db
    .selectFrom("idempotency_keys")
    .select(["body_hash", "response"])
    .where("caller", "=", caller)
    .where("route", "=", route)
    .where("key", "=", key)
    .executeTakeFirst();
