import { type Kysely, sql } from "kysely";

/**
 * Who wrote a change that wasn't applied before authors were noted isn't known. Nobody can approve what carries it on: it has to be
 * asked for again.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`update integrations set record = record || '{"authors": [{"subject": "legacy", "operation": ""}]}'::jsonb
    where not gone and not (record ? 'authors') and case
      when record ? 'approvedParameters' then record->'approvedParameters' <> record->'parameters'
      else (record->'lastUp'->'succeeded') is distinct from 'true'::jsonb
    end`.execute(db);
}
