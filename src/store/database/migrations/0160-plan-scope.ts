import { type Kysely, sql } from "kysely";

/** A key that could write could preview: it keeps that. No key from before sees external ids: whoever needs them asks for `reveal`. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`update api_keys set scopes = scopes || '["plan"]'::jsonb where scopes ? 'write' and not scopes ? 'plan'`.execute(db);
}
