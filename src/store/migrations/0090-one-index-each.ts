import { type Kysely, sql } from "kysely";

const statements = [
  // Beside it the planner takes the index of positions for a tenant's open operations, and reads everybody's: to statistics of a
  // quiet hour both are empty. What recovery reads through it is sorted in memory.
  `drop index operations_open`,

  // Likewise the primary key led it through all of a vendor's ids.
  `drop index external_ids_tenant`,
  `create index external_ids_tenant_vendor on external_ids (tenant, vendor)`,
];

/** A PUT looks at what its tenant has, whatever others have and whenever statistics were last taken. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
