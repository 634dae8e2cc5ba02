import { type Kysely, sql } from "kysely";

/**
 * Before authors were recorded, the author of a change that wasn't applied is unknown. Nobody can approve an operation with such a change:
 * it must be requested again.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`update integrations set record = record || '{"authors": [{"subject": "legacy", "operation": ""}]}'::jsonb
    where not gone and not (record ? 'authors') and case
      when record ? 'approvedParameters' then record->'approvedParameters' <> record->'parameters'
      else (record->'lastUp'->'succeeded') is distinct from 'true'::jsonb
    end`.execute(db);
}
