import { type Kysely, sql } from "kysely";

/** Vendors whose access is taken away over all tenants, until it is given back. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table vendor_revocations (
    vendor text primary key,
    since timestamptz not null default clock_timestamp(),
    requested_by text not null
  )`.execute(db);
}
