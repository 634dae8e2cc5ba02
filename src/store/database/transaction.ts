import type { Kysely, Transaction } from "kysely";
import type { Database } from "./database.ts";

/** The place where a store function runs: the pool, or the caller's transaction. */
export type Db = Kysely<Database>;

/** Runs `work` in the caller's transaction if there is one, else in its own. */
export async function inTransaction<T>(db: Db, work: (trx: Transaction<Database>) => Promise<T>): Promise<T> {
  if (isTransaction(db)) return work(db);
  return db.transaction().execute(work);
}

function isTransaction(db: Db): db is Transaction<Database> {
  return db.isTransaction;
}
