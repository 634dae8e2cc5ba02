import type { Db } from "./transaction.ts";

/** Whether the vendor is revoked: while it is, every rendering of its trust is the closed one. */
export async function isVendorRevoked(db: Db, vendor: string): Promise<boolean> {
  const row = await db.selectFrom("vendor_revocations").select("vendor").where("vendor", "=", vendor).executeTakeFirst();
  return row !== undefined;
}

/** Sets the flag; a vendor that is revoked already stays so, since when it was. */
export async function revokeVendor(db: Db, vendor: string, requestedBy: string): Promise<void> {
  await db
    .insertInto("vendor_revocations")
    .values({ vendor, requested_by: requestedBy })
    .onConflict((conflict) => conflict.column("vendor").doNothing())
    .execute();
}

/** Clears the flag. */
export async function reinstateVendor(db: Db, vendor: string): Promise<void> {
  await db.deleteFrom("vendor_revocations").where("vendor", "=", vendor).execute();
}
