/** Provisioning roles that refuse us, shared by all replicas: after so many refusals in a row a role is left alone for a while. */
import { type Selectable, sql } from "kysely";
import type { TenantRecord } from "../model/tenant.ts";
import { anyOf } from "./database/any-of.ts";
import type { Database } from "./database/database.ts";
import type { Db } from "./database/transaction.ts";

/** Refusals in a row after which a role is left alone: a role that was just made may refuse for some seconds (IAM's propagation). */
export const refusalsBorne = 5;
/** Seconds: the first pause, which doubles with each refusal from there, and the longest. */
const firstPause = 30;
const longestPause = 600;
/** Seconds for which one caller alone tries a role whose pause is over. */
const probeTime = 30;

export interface AccountRefusals {
  /** As `wayIn` names it */
  way: string;
  /** in a row */
  count: number;
  /** AWS's own error code */
  cause?: string;
  /** RFC 3339 */
  since: string;
  /** Until when nobody tries; RFC 3339 */
  notBefore?: string;
}

/**
 * A tenant's way into its account: undefined where no role is assumed. Two tenants may name one role, each with an external id of its own:
 * the refusals of one say nothing of the other.
 */
export const wayIn = ({ name, access }: Pick<TenantRecord, "name" | "access">): string | undefined =>
  access.mode === "assume-role" ? `${name} ${access.roleArn}` : undefined;

/** What the tenant's role has refused; undefined where no role is assumed. */
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

/** Whether the role may be tried now. Of those who ask after a pause one may, over all replicas, and the others wait for its answer. */
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

/** Counts a refusal. Those of tries that were under way when the pause began count for nothing more, but the only one's does. */
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

/** The role let us in, or it was registered anew: whatever was counted is forgotten. */
export async function forgetRefusals(db: Db, way: string): Promise<void> {
  await db.deleteFrom("account_refusals").where("role_arn", "=", way).execute();
}

/** What these roles have refused in a row; nothing for those that haven't. */
export async function findRefusals(db: Db, ways: readonly string[]): Promise<AccountRefusals[]> {
  if (ways.length === 0) return [];
  const rows = await db.selectFrom("account_refusals").selectAll().where("role_arn", "=", anyOf(ways)).execute();
  return rows.map(refusalsOf);
}

/** How many roles are left alone now. */
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
