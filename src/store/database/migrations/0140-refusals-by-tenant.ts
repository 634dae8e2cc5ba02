import { type Kysely, sql } from "kysely";

/** Refusals were counted by role; they are counted by tenant and role now. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`delete from account_refusals`.execute(db);
}
