import type { Db } from "./database/transaction.ts";

/** A principal that our vendor files don't name and that an administrator allows integrations to trust. */
export interface TrustedPrincipal {
  id: string;
  vendor: string;
  principalArn: string;
  /** the administrator's subject */
  addedBy: string;
  /** RFC 3339 */
  createdAt: string;
}

/** Writes the principal, new or changed. */
export async function saveTrustedPrincipal(
  db: Db,
  { id, vendor, principalArn, addedBy }: Omit<TrustedPrincipal, "createdAt">,
): Promise<TrustedPrincipal> {
  const row = { vendor, principal_arn: principalArn, added_by: addedBy };
  await db
    .insertInto("trusted_principals")
    .values({ id, ...row })
    .onConflict((conflict) => conflict.column("id").doUpdateSet(row))
    .execute();
  const saved = await findTrustedPrincipal(db, id);
  if (saved === undefined) throw new Error("a trusted principal vanished right after it was written");
  return saved;
}

export async function findTrustedPrincipal(db: Db, id: string): Promise<TrustedPrincipal | undefined> {
  const row = await db.selectFrom("trusted_principals").selectAll().where("id", "=", id).executeTakeFirst();
  return (
    row && {
      id: row.id,
      vendor: row.vendor,
      principalArn: row.principal_arn,
      addedBy: row.added_by,
      createdAt: row.created_at.toISOString(),
    }
  );
}

/** Removes it. Existing integrations keep their trust. Returns whether there was one. */
export async function deleteTrustedPrincipal(db: Db, id: string): Promise<boolean> {
  const deleted = await db.deleteFrom("trusted_principals").where("id", "=", id).executeTakeFirst();
  return deleted.numDeletedRows > 0n;
}

/** Whether an administrator allowed exactly this principal for this vendor. */
export async function isTrustedPrincipal(db: Db, vendor: string, principalArn: string): Promise<boolean> {
  const row = await db
    .selectFrom("trusted_principals")
    .select("id")
    .where("vendor", "=", vendor)
    .where("principal_arn", "=", principalArn)
    .executeTakeFirst();
  return row !== undefined;
}
