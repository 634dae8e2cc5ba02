import { type Kysely, sql } from "kysely";

/** Proofs are most of a record's size, and few readers of the record need them. Stored proofs move when they are next written. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table integrations add column proof jsonb`.execute(db);
}
