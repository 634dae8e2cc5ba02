import { type Kysely, sql } from "kysely";

/** Every PUT asks for the tenant's open operations. The cost must not depend on how many operations other tenants have open. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index operations_open_tenant on operations (tenant) where state in ('queued', 'running', 'awaiting-approval')`.execute(
    db,
  );
}
