import { type Kysely, sql } from "kysely";

/**
 * If a teardown failed before this field existed, nobody knows whether it had closed the trusts. It counts as if it had: the trusts stay
 * closed until somebody requests the integration again.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`update integrations set record = record || '{"closedByTeardown": true}'::jsonb
    where not gone and record->'handshake'->>'state' = 'offboarding'`.execute(db);
}
