import { type Kysely, sql } from "kysely";

/** Vendors whose access is revoked for all tenants, until it is reinstated. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table vendor_revocations (
    vendor text primary key,
    since timestamptz not null default clock_timestamp(),
    requested_by text not null
  )`.execute(db);
}
