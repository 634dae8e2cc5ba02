/**
 * A store with its tables, made once for a whole run of the tests and copied: initdb and the migrations cost three CPU-seconds, more than
 * most of what the tests do with a store. `test/store/store.test.ts` and `open-queue.test.ts` begin without one.
 */
import { cpSync } from "node:fs";
import { sql } from "kysely";
import { createLog } from "../../src/log.ts";
import { openStore, pgliteFolder } from "../../src/store/store.ts";

const pgliteVariable = "DRAWBRIDGE_TEST_DATABASE";
const postgresVariable = "DRAWBRIDGE_TEST_TEMPLATE";

const log = createLog({ level: "error" });

/** Makes one for PGlite in `folder`; answers what tells test files of it. */
export async function makeDatabase(folder: string): Promise<NodeJS.ProcessEnv> {
  const store = await openStore({ dataDir: folder, log });
  // Nobody connects to these two, and they are half of the files
  await sql`update pg_database set datistemplate = false where datname in ('template0', 'template1')`.execute(store.db);
  await sql`drop database template0`.execute(store.db);
  await sql`drop database template1`.execute(store.db);
  await store.close();
  return { [pgliteVariable]: pgliteFolder(folder) };
}

/** Lays a copy where the store of `dataDir` looks; without one the store makes its own. */
export function layDatabase(dataDir: string): void {
  const made = process.env[pgliteVariable];
  // One call into C++ takes a fifth of what a promise for each file takes
  if (made !== undefined) cpSync(made, pgliteFolder(dataDir), { recursive: true });
}

/** Makes one on a PostgreSQL server, in the empty database of `databaseUrl`. */
export async function makeTemplate(databaseUrl: string): Promise<NodeJS.ProcessEnv> {
  await (await openStore({ databaseUrl, dataDir: "", log })).close();
  return { [postgresVariable]: new URL(databaseUrl).pathname.slice(1) };
}

/** The statement that makes a database, as a copy where there is one to copy. */
export function createDatabase(name: string): string {
  const template = process.env[postgresVariable];
  return `create database ${name}${template === undefined ? "" : ` template ${template}`}`;
}
