import { hash } from "node:crypto";
import { type Kysely, sql } from "kysely";
import { repositoryName } from "../../../model/repository-name.ts";

interface Pushed {
  name: string;
  repository: string;
}

/**
 * Removes tokens from the names of repositories of push sources. A source's own name follows from its repository's name, so it changes too:
 * the next push sends the clean name, and must find the source's members.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  const all = await sql<{ name: string }>`select name from sources`.execute(db);
  const taken = new Set(all.rows.map(({ name }) => name));
  // Two tokens made two sources for one repository. The one that owns most comes first.
  const { rows } = await sql<Pushed>`
    select name, record->>'repository' as repository from sources where record->>'kind' = 'push'
    order by (select count(*) from source_members where source = sources.name) desc, record->>'createdAt', name`.execute(db);
  for (const pushed of rows) {
    const repository = repositoryName(pushed.repository);
    if (repository === pushed.repository) continue;
    const usual = sourceName(repository);
    const name = taken.has(usual) ? sourceName(repository, pushed.name) : usual;
    taken.add(name);
    await rename(db, pushed.name, { name, repository });
  }
}

async function rename(db: Kysely<unknown>, before: string, { name, repository }: Pushed): Promise<void> {
  await sql`update sources set name = ${name},
    record = record || jsonb_build_object('name', ${name}::text, 'repository', ${repository}::text) where name = ${before}`.execute(db);
  await sql`update source_members set source = ${name} where source = ${before}`.execute(db);
  await sql`update operations set request = jsonb_set(request, '{source}', to_jsonb(${name}::text)),
    result = jsonb_set(result, '{source}', to_jsonb(${name}::text), false)
    where kind = 'reconcile' and request->>'source' = ${before}`.execute(db);
}

/** The function of src/gitops/push-source.ts at the time of this migration. With `also`, it returns a name that no push uses. */
function sourceName(repository: string, also?: string): string {
  const last = repository
    .replace(/\.git$/, "")
    .split(/[/:]/)
    .at(-1);
  const slug = (last ?? "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 27);
  const own = hash("sha256", also === undefined ? repository : `${repository}\n${also}`).slice(0, 10);
  return slug === "" ? `source-${own}` : `${slug}-${own}`.replaceAll("--", "-");
}
