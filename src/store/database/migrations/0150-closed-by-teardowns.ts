import { type Kysely, sql } from "kysely";

/**
 * Of a teardown that failed before this was noted it isn't known whether it had closed the trusts. It counts as having done so: nothing
 * opens them again until somebody asks for it.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`update integrations set record = record || '{"closedByTeardown": true}'::jsonb
    where not gone and record->'handshake'->>'state' = 'offboarding'`.execute(db);
}
