import { type Kysely, sql } from "kysely";

/** Receipts of teardowns, which stay after the integration is gone, and tombstones of tenants. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table tenants add column gone boolean not null default false`.execute(db);
  await sql`create table receipts (
    tenant text not null,
    number integer not null,
    integration text not null,
    receipt jsonb not null,
    sha256 text not null,
    primary key (tenant, number)
  )`.execute(db);
}
