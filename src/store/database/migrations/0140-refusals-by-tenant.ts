import { type Kysely, sql } from "kysely";

/** Refusals were counted for each role. Now they are counted for each tenant and role. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`delete from account_refusals`.execute(db);
}
