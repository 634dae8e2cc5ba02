import { type Kysely, sql } from "kysely";

const statements = [
  // For a tenant's open operations, the planner used this index of positions instead of the tenant's index, and read the operations of all
  // tenants: in statistics from a quiet hour, both indexes look empty. Recovery's reads, which used it, are now sorted in memory.
  `drop index operations_open`,

  // Without this index, a prepared statement searched for a page of a tenant's operations among those of all tenants, newest first.
  `create index operations_tenant on operations (tenant, position)`,

  // The planner used the primary key and read all of a vendor's ids. The new index has the vendor, too.
  `drop index external_ids_tenant`,
  `create index external_ids_tenant_vendor on external_ids (tenant, vendor)`,
];

/** A tenant's rows are found by the tenant, whatever other tenants have and however old the statistics are. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
