import { type Kysely, sql } from "kysely";

/** What a tenant has open is asked for by every PUT: it must cost the same however much others have open. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index operations_open_tenant on operations (tenant) where state in ('queued', 'running', 'awaiting-approval')`.execute(
    db,
  );
}
