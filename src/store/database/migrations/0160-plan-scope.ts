import { type Kysely, sql } from "kysely";

/** Keys with `write` could preview, so they get `plan`. No existing key gets `reveal`: an administrator gives it to those that need external ids. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`update api_keys set scopes = scopes || '["plan"]'::jsonb where scopes ? 'write' and not scopes ? 'plan'`.execute(db);
}
