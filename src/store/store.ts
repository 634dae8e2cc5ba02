/** The store: PGlite in the data folder for one process, or a PostgreSQL that any number of replicas share. */
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { Kysely, PGliteDialect, PostgresDialect } from "kysely";
import pg from "pg";
import { faultFields, type Log } from "../log.ts";
import type { Database } from "./database/database.ts";
import { lockFolder } from "./database/folder-lock.ts";
import { migrate } from "./database/migrate.ts";
import { prepareStatements } from "./database/prepared.ts";

export type StoreOptions = { databaseUrl?: string | undefined; dataDir: string; log: Log };

interface Shared {
  db: Kysely<Database>;
  close(): Promise<void>;
}

export type Store =
  | (Shared & { kind: "pglite"; pglite: PGlite; databaseUrl?: undefined })
  | (Shared & { kind: "postgresql"; pglite?: undefined; databaseUrl: string });

/** The folder of PGlite's files. */
export const pgliteFolder = (dataDir: string): string => join(dataDir, "store", "postgres");

/**
 * Opens the store and brings its schema up to date. The first start with PGlite makes the database and takes seconds.
 *
 * @throws ProblemError not_ready when another process uses the data folder
 */
export async function openStore({ databaseUrl, dataDir, log }: StoreOptions): Promise<Store> {
  const store = databaseUrl === undefined ? await openPGlite(dataDir, log) : openPostgres(databaseUrl, log);
  try {
    await migrate(store.db);
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function openPGlite(dataDir: string, log: Log): Promise<Store> {
  const folder = join(dataDir, "store");
  let lost: () => void = () => {};
  const release = await lockFolder(folder, (error) => {
    log.error("The lock of the data folder was lost, so the store is closed before two processes write to it", faultFields(error));
    lost();
  });
  try {
    const pglite = await PGlite.create(pgliteFolder(dataDir));
    lost = () => void pglite.close().catch(() => undefined);
    const db = new Kysely<Database>({ dialect: new PGliteDialect({ pglite }) });
    const close = async () => {
      if (!pglite.closed) await pglite.close();
      await release().catch(() => undefined); // the lock was lost or the folder is gone: it isn't ours any more
    };
    return { kind: "pglite", db, pglite, close };
  } catch (error) {
    await release();
    throw error;
  }
}

const int8 = 20; // oid of bigint in pg_type. node-postgres returns it as text; our values are counts far below 2^53

function openPostgres(databaseUrl: string, log: Log): Store {
  const types = new pg.TypeOverrides();
  types.setTypeParser(int8, Number);
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    types,
    max: 10,
    connectionTimeoutMillis: 10_000,
    application_name: "drawbridge",
  });
  pool.on("error", (error) => log.warn("An idle database connection was lost", faultFields(error)));
  prepareStatements(pool);
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  return { kind: "postgresql", db, databaseUrl, close: () => db.destroy() };
}
