import { type Kysely, sql } from "kysely";

/** Principals that our vendor files don't name and that an administrator allows blueprints to trust. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("trusted_principals")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("vendor", "text", (column) => column.notNull())
    .addColumn("principal_arn", "text", (column) => column.notNull())
    .addColumn("added_by", "text", (column) => column.notNull())
    .addColumn("created_at", "timestamptz", (column) => column.notNull().defaultTo(sql`clock_timestamp()`))
    .execute();
}
