/** Provisioning roles that refuse us, shared by all replicas. After several refusals in a row, nobody tries a role for a while. */
import { type Selectable, sql } from "kysely";
import type { TenantRecord } from "../model/tenant.ts";
import { anyOf } from "./database/any-of.ts";
import type { Database } from "./database/database.ts";
import type { Db } from "./database/transaction.ts";

/** Refusals in a row before the first pause. A new role may refuse for some seconds (IAM's propagation). */
export const refusalsBorne = 5;
/** Seconds: the first pause, which doubles with each further refusal, and the longest pause. */
const firstPause = 30;
const longestPause = 600;
/** Seconds during which only one caller tries a role whose pause is over. */
const probeTime = 30;

export interface AccountRefusals {
  /** The text that `wayIn` returns */
  way: string;
  /** in a row */
  count: number;
  /** AWS's own error code */
  cause?: string;
  /** RFC 3339 */
  since: string;
  /** Nobody tries before this time; RFC 3339 */
  notBefore?: string;
}

/**
 * Names a tenant's way into its account; undefined if it assumes no role. Two tenants may name the same role, each with its own external
 * id: refusals of one tell nothing about the other.
 */
export const wayIn = ({ name, access }: Pick<TenantRecord, "name" | "access">): string | undefined =>
  access.mode === "assume-role" ? `${name} ${access.roleArn}` : undefined;

/** The refusals of the tenant's role; undefined if the tenant assumes no role. */
export function refusalCount(db: Db, tenant: Pick<TenantRecord, "name" | "access">) {
  const way = wayIn(tenant);
  if (way === undefined) return undefined;
  return {
    mayEnter: () => mayEnter(db, way),
    note: (cause: string, options: { alone: boolean }) => noteRefusal(db, way, cause, options),
    forget: () => forgetRefusals(db, way),
  };
}

export type MayEnter = "yes" | "as-the-only-one" | AccountRefusals;

/** Whether the role may be tried now. After a pause, only one caller over all replicas may try it; the others wait for the result. */
export async function mayEnter(db: Db, way: string): Promise<MayEnter> {
  const row = await db.selectFrom("account_refusals").selectAll().where("role_arn", "=", way).executeTakeFirst();
  if (row?.closed_until == null) return "yes";
  const taken = await db
    .updateTable("account_refusals")
    .set({ closed_until: sql<Date>`clock_timestamp() + ${probeTime} * interval '1 second'` })
    .where("role_arn", "=", way)
    .where("closed_until", "<=", sql<Date>`clock_timestamp()`)
    .returning("role_arn")
    .executeTakeFirst();
  return taken === undefined ? refusalsOf(row) : "as-the-only-one";
}

/**
 * Counts a refusal. Once a pause has begun, refusals of attempts that began earlier don't count. The refusal of the only allowed attempt
 * does.
 */
export async function noteRefusal(db: Db, way: string, cause: string, { alone }: { alone: boolean }): Promise<void> {
  const next = sql<number>`account_refusals.refusals + 1`;
  const pause = sql`least(${longestPause}, ${firstPause} * power(2, least(${next} - ${refusalsBorne}, 10)))`;
  await db
    .insertInto("account_refusals")
    .values({ role_arn: way, refusals: 1, cause })
    .onConflict((conflict) => {
      const counted = conflict.column("role_arn").doUpdateSet({
        refusals: next,
        cause,
        closed_until: sql<Date>`case when ${next} >= ${refusalsBorne} then clock_timestamp() + ${pause} * interval '1 second' end`,
      });
      return alone ? counted : counted.where("account_refusals.closed_until", "is", null);
    })
    .execute();
}

/** The role accepted us, or it was registered again: delete its count. */
export async function forgetRefusals(db: Db, way: string): Promise<void> {
  await db.deleteFrom("account_refusals").where("role_arn", "=", way).execute();
}

/** The refusals in a row of these roles; no entry for a role without refusals. */
export async function findRefusals(db: Db, ways: readonly string[]): Promise<AccountRefusals[]> {
  if (ways.length === 0) return [];
  const rows = await db.selectFrom("account_refusals").selectAll().where("role_arn", "=", anyOf(ways)).execute();
  return rows.map(refusalsOf);
}

/** How many roles have a pause. */
export async function countLeftAlone(db: Db): Promise<number> {
  const row = await db
    .selectFrom("account_refusals")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("closed_until", "is not", null)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

function refusalsOf(row: Selectable<Database["account_refusals"]>): AccountRefusals {
  return {
    way: row.role_arn,
    count: row.refusals,
    ...(row.cause !== null && { cause: row.cause }),
    since: row.since.toISOString(),
    ...(row.closed_until !== null && { notBefore: row.closed_until.toISOString() }),
  };
}
