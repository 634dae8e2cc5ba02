import { type Kysely, sql } from "kysely";

/** A key and its rotations are one credential: `family` is the id of the first key. It is null for a key that an earlier release made. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table api_keys add column family text`.execute(db);
  await sql`create index api_keys_by_family on api_keys (coalesce(family, id))`.execute(db);
}
