import type { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import type { Database } from "./database.ts";
import { up as firstTables } from "./migrations/0001-first-tables.ts";

/** In order of their names; a migration that has been released is never edited. */
const migrations = { "0001-first-tables": { up: firstTables } };

/**
 * Brings the schema up to date. On PostgreSQL Kysely holds a transaction-scoped advisory lock meanwhile, so replicas
 * that start together migrate once; PGlite has one process anyway.
 */
export async function migrate(db: Kysely<Database>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
