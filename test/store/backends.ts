/** The stores that a test runs on: PGlite always, PostgreSQL as well where DATABASE_URL names a server. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import type { Log } from "../../src/log.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { createDatabase, layDatabase } from "../support/made-database.ts";

export const silent: Log = { info: () => {}, warn: () => {}, error: () => {} };

export interface Opened {
  store: Store;
  /** Closes the store and removes what it kept. */
  remove(): Promise<void>;
}

export interface Backend {
  name: "PGlite" | "PostgreSQL";
  open(): Promise<Opened>;
}

/** A database of its own in this process. */
export async function openAnew(): Promise<Opened> {
  const dataDir = await mkdtemp(join(tmpdir(), "drawbridge-store-"));
  layDatabase(dataDir);
  const store = await openStore({ dataDir, log: silent });
  const remove = async () => {
    await store.close();
    await rm(dataDir, { recursive: true, force: true });
  };
  return { store, remove };
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

/** The same database, and how many statements were sent by way of it. */
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

/** A database of its own on a PostgreSQL server. */
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
