import { sql } from "kysely";
import type { SourceMember, SourceRecord } from "../model/source.ts";
import { anyOf } from "./database/any-of.ts";
import { type Page, pageByName } from "./database/cursor.ts";
import { type Db, inTransaction } from "./database/transaction.ts";

export async function findSource(db: Db, name: string): Promise<SourceRecord | undefined> {
  const row = await db.selectFrom("sources").select("record").where("name", "=", name).executeTakeFirst();
  return row?.record;
}

/** One page of sources by name. @throws ProblemError invalid_request for a cursor that isn't ours */
export async function listSources(db: Db, { limit, cursor }: { limit: number; cursor?: string | undefined }): Promise<Page<SourceRecord>> {
  return pageByName(db.selectFrom("sources").select(["name", "record"]), { limit, cursor });
}

/** The push sources of a repository, by its name, oldest first. Their rows are locked until the caller's transaction ends. */
export async function pushSourcesOf(trx: Db, repository: string): Promise<SourceRecord[]> {
  const { rows } = await sql<{ record: SourceRecord }>`
    select record from sources where record->>'kind' = 'push' and record->>'repository' = ${repository}
    order by record->>'createdAt', name for update`.execute(trx);
  return rows.map((row) => row.record);
}

/** The source, its row locked until the caller's transaction ends. If there is none, `make` makes it. */
export async function lockSource(trx: Db, name: string, make: () => SourceRecord): Promise<SourceRecord> {
  await trx
    .insertInto("sources")
    .values({ name, record: JSON.stringify(make()) })
    .onConflict((conflict) => conflict.column("name").doNothing())
    .execute();
  const row = await lockKnownSource(trx, name);
  if (row === undefined) throw new Error("a source vanished right after it was written");
  return row;
}

/** The source, its row locked until the caller's transaction ends; undefined if there is none. */
export async function lockKnownSource(trx: Db, name: string): Promise<SourceRecord | undefined> {
  const row = await trx.selectFrom("sources").select("record").where("name", "=", name).forUpdate().executeTakeFirst();
  return row?.record;
}

export async function saveSource(db: Db, source: SourceRecord): Promise<void> {
  const record = JSON.stringify(source);
  await db
    .insertInto("sources")
    .values({ name: source.name, record })
    .onConflict((conflict) => conflict.column("name").doUpdateSet({ record }))
    .execute();
}

/** Deletes a source. Its integrations and tenants stay as they are, without an owner. Returns whether there was one. */
export async function deleteSource(db: Db, name: string): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    // Delete the source first: a concurrent reconcile claims either before this or finds no source.
    const deleted = await trx.deleteFrom("sources").where("name", "=", name).executeTakeFirst();
    await trx.deleteFrom("source_members").where("source", "=", name).execute();
    await trx.deleteFrom("webhook_deliveries").where("source", "=", name).execute();
    return deleted.numDeletedRows > 0n;
  });
}

/** Records the outcome of a fetch and changes nothing else: the source may have changed meanwhile. */
export async function noteFetch(db: Db, name: string, fetched: { revision: string } | "failed"): Promise<void> {
  const noted =
    fetched === "failed"
      ? sql`record || jsonb_build_object('failures', coalesce((record->>'failures')::int, 0) + 1)`
      : sql`(record - 'failures') || jsonb_build_object('revision', ${fetched.revision}::text)`;
  await sql`update sources set record = ${noted} where name = ${name}`.execute(db);
}

/** Pull sources whose interval is over. Each is marked as fetched now, so that only one of several replicas takes it. */
export async function takeDueSources(db: Db, now: string): Promise<SourceRecord[]> {
  const { rows } = await sql<{ record: SourceRecord }>`
    update sources set record = jsonb_set(record, '{lastAt}', to_jsonb(${now}::text))
    where record->>'kind' = 'pull'
      and coalesce((record->>'lastAt')::timestamptz, '-infinity') + make_interval(
        secs => least((record->>'interval')::float8 * power(2, least(coalesce((record->>'failures')::int, 0), 20)), 86400)
      ) <= ${now}::timestamptz
    returning record`.execute(db);
  return rows.map((row) => row.record);
}

/** The source that owns this tenant or integration, if any. For a tenant, `tenant` and `name` are the same. */
export async function ownerOf(db: Db, kind: SourceMember["kind"], tenant: string, name: string): Promise<string | undefined> {
  const row = await db
    .selectFrom("source_members")
    .select("source")
    .where("kind", "=", kind)
    .where("tenant", "=", tenant)
    .where("name", "=", name)
    .executeTakeFirst();
  return row?.source;
}

/** Everything that this source owns, and everything in these tenants that any source owns. */
export async function membersOf(db: Db, { source, tenants }: { source: string; tenants: readonly string[] }): Promise<SourceMember[]> {
  return db
    .selectFrom("source_members")
    .selectAll()
    .where((row) => row.or([row("source", "=", source), row("tenant", "=", anyOf(["", ...tenants]))]))
    .execute();
}

/**
 * Makes these members the source's own. Members of another source stay with it. Returns false and claims nothing if the source was removed:
 * nobody could release its members any more.
 */
export async function claimMembers(db: Db, source: string, members: readonly Omit<SourceMember, "source">[]): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    if (!(await lockKnownSource(trx, source))) return false;
    for (let start = 0; start < members.length; start += 500) {
      const values = members.slice(start, start + 500).map((member) => ({ ...member, source, labels: JSON.stringify(member.labels) }));
      await trx
        .insertInto("source_members")
        .values(values)
        .onConflict((conflict) =>
          conflict
            .columns(["kind", "tenant", "name"])
            .doUpdateSet((row) => ({ labels: row.ref("excluded.labels") }))
            .whereRef("source_members.source", "=", "excluded.source"),
        )
        .execute();
    }
    return true;
  });
}

export async function releaseMember(db: Db, { kind, tenant, name, source }: Omit<SourceMember, "labels">): Promise<void> {
  await db
    .deleteFrom("source_members")
    .where("kind", "=", kind)
    .where("tenant", "=", tenant)
    .where("name", "=", name)
    .where("source", "=", source)
    .execute();
}

/**
 * Records a delivery by all of its keys (its id, its content). Returns false if one of them is known already. Keys older than `keptHours`
 * are deleted.
 */
export async function noteDelivery(db: Db, source: string, keys: readonly string[], keptHours = 72): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    await sql`delete from webhook_deliveries where at < clock_timestamp() - make_interval(hours => ${keptHours})`.execute(trx);
    const noted = await trx
      .insertInto("webhook_deliveries")
      .values([...new Set(keys)].map((key) => ({ source, key })))
      .onConflict((conflict) => conflict.columns(["source", "key"]).doNothing())
      .returning("key")
      .execute();
    return noted.length === new Set(keys).size;
  });
}

/** Deletes the record of a delivery that had no effect, so that it can be sent again. */
export async function forgetDelivery(db: Db, source: string, keys: readonly string[]): Promise<void> {
  await db
    .deleteFrom("webhook_deliveries")
    .where("source", "=", source)
    .where("key", "=", anyOf([...keys]))
    .execute();
}
