/** The stores that tests run on: always PGlite, and PostgreSQL if DATABASE_URL names a server. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import pg from "pg";
import type { Log } from "../../src/log.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { keepForNextFile } from "../support/left-open.ts";
import { createDatabase, layDatabase } from "../support/made-database.ts";

export const silent: Log = { info: () => {}, warn: () => {}, error: () => {} };

export interface Opened {
  store: Store;
  /** Closes the store and removes its data. */
  remove(): Promise<void>;
}

export interface Backend {
  name: "PGlite" | "PostgreSQL";
  open(): Promise<Opened>;
}

interface Kept {
  store: Store;
  /** Every table, its name quoted, with the rows that the migrations inserted, as JSON. */
  tables: { name: string; rows: string }[];
  close(): Promise<void>;
}

/** Emptied stores for the next tests of this process: opening one costs half a CPU-second, and there are sixty. */
const idle: Kept[] = [];

async function openKept(): Promise<Kept> {
  const dataDir = await mkdtemp(join(tmpdir(), "drawbridge-store-"));
  layDatabase(dataDir);
  const store = await openStore({ dataDir, log: silent });
  const { rows } = await sql<{ name: string }>`
    select quote_ident(tablename) as name from pg_tables where schemaname = 'public' and tablename not like 'kysely_%'`.execute(store.db);
  const tables: Kept["tables"] = [];
  for (const { name } of rows) {
    const made = await sql<{ rows: string }>`select coalesce(json_agg(t), '[]')::text as rows from ${sql.raw(name)} t`.execute(store.db);
    tables.push({ name, rows: made.rows[0]?.rows ?? "[]" });
  }
  const close = async () => {
    await store.close();
    await rm(dataDir, { recursive: true, force: true });
  };
  return { store, tables, close };
}

/** Restores the tables as the migrations left them. Meanwhile the triggers that protect the audit's rows don't fire. */
async function empty({ store: { db }, tables }: Kept): Promise<void> {
  await db.connection().execute(async (connection) => {
    await sql`set session_replication_role = replica`.execute(connection);
    await sql`truncate ${sql.raw(tables.map(({ name }) => name).join(", "))} restart identity cascade`.execute(connection);
    for (const { name, rows } of tables.filter(({ rows: made }) => made !== "[]")) {
      const table = sql.raw(name);
      await sql`insert into ${table} select * from json_populate_recordset(null::${table}, ${rows}::json)`.execute(connection);
    }
    // The queue's schema, and copies that a test made.
    const { rows } = await sql<{ name: string }>`
      select quote_ident(nspname) as name from pg_namespace where nspname <> 'public' and nspname !~ '^(pg_|information_schema$)'`.execute(
      connection,
    );
    for (const { name } of rows) await sql`drop schema ${sql.raw(name)} cascade`.execute(connection);
    await sql`reset session_replication_role`.execute(connection);
  });
}

/** A separate database in this process. */
export async function openAnew(): Promise<Opened> {
  const kept = idle.pop() ?? (await openKept());
  const remove = async () => {
    if (!keepForNextFile(kept.close)) return kept.close();
    const isEmpty = await empty(kept).then(
      () => true,
      () => false, // the test closed it
    );
    if (isEmpty) idle.push(kept);
  };
  return { store: kept.store, remove };
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

/** The same database, with a count of the statements sent through it. */
export function counting(db: Store["db"]): { db: Store["db"]; statements(): number } {
  let statements = 0;
  const counted = db.withPlugin({
    transformQuery({ node }) {
      statements += 1;
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  return { db: counted, statements: () => statements };
}

/** A separate database on a PostgreSQL server. */
export async function openPostgres(server: string): Promise<Opened> {
  const database = `drawbridge_test_${randomBytes(6).toString("hex")}`;
  await onServer(server, createDatabase(database));
  const databaseUrl = Object.assign(new URL(server), { pathname: `/${database}` }).href;
  const store = await openStore({ databaseUrl, dataDir: "", log: silent });
  const remove = async () => {
    await store.close();
    await onServer(server, `drop database ${database} with (force)`);
  };
  return { store, remove };
}

const server = process.env["DATABASE_URL"];

export const postgres: Backend | undefined = server === undefined ? undefined : { name: "PostgreSQL", open: () => openPostgres(server) };

export const backends: Backend[] = [{ name: "PGlite", open: openAnew }, ...(postgres === undefined ? [] : [postgres])];
