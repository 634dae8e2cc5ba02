import { sql } from "kysely";
import type { Db } from "./database/transaction.ts";

/**
 * The start of the vendor's revocation (RFC 3339); undefined if the vendor isn't revoked. During a revocation, every rendering of its trust
 * is the closed one, and sessions from before that time are denied.
 */
export async function revokedSince(db: Db, vendor: string): Promise<string | undefined> {
  const row = await db.selectFrom("vendor_revocations").select("since").where("vendor", "=", vendor).executeTakeFirst();
  return row?.since.toISOString();
}

/** The revoked vendors, each with the start of its revocation (RFC 3339). */
export async function revocations(db: Db): Promise<ReadonlyMap<string, string>> {
  const rows = await db.selectFrom("vendor_revocations").select(["vendor", "since"]).execute();
  return new Map(rows.map(({ vendor, since }) => [vendor, since.toISOString()]));
}

/** Moves the revocation's time to now: a session may have begun between the request and the closing of the last trust. */
export async function confirmRevocation(db: Db, vendor: string): Promise<void> {
  await db.updateTable("vendor_revocations").set({ since: sql<string>`clock_timestamp()` }).where("vendor", "=", vendor).execute();
}

/** Sets the flag. If the vendor is already revoked, the time of that revocation stays. */
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
