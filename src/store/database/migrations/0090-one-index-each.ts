import { type Kysely, sql } from "kysely";

const statements = [
  // Beside it the planner takes the index of positions for a tenant's open operations, and reads everybody's: to statistics of a
  // quiet hour both are empty. What recovery reads through it is sorted in memory.
  `drop index operations_open`,

  // Without it a page of a tenant's operations, once prepared, was looked for among everybody's from the newest back.
  `create index operations_tenant on operations (tenant, position)`,

  // The primary key led the planner through all of a vendor's ids.
  `drop index external_ids_tenant`,
  `create index external_ids_tenant_vendor on external_ids (tenant, vendor)`,
];

/** What a tenant's caller asks for is found by the tenant, whatever others have and whenever statistics were last taken. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
