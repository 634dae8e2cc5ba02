import { hash } from "node:crypto";
import { canonicalJson } from "../iam/words/policy-document.ts";
import { type Db, inTransaction } from "./database/transaction.ts";

/** What a teardown did, and the evidence. */
export interface ReceiptBody {
  tenant: string;
  integration: string;
  operation: string;
  /** RFC 3339 */
  at: string;
  /** `<kind>/<key>` of each stack */
  removed: string[];
  retained: { keyArn: string; why: string }[];
  /** The search, independent of state, and what it found */
  proof: { roleNames: string[]; tags: Record<string, string>; found: string[] };
}

/** A receipt in its tenant's chain. `sha256` is the hash of everything else, the previous receipt's hash included. */
export interface Receipt extends ReceiptBody {
  /** From 1, without gaps per tenant */
  number: number;
  /** Null for the first */
  previous: string | null;
  sha256: string;
}

/** SHA-256 (hex) over a receipt without its own hash, as canonical JSON. Everybody who has the receipts can check the chain. */
export function receiptHash({ sha256: _own, ...receipt }: Omit<Receipt, "sha256"> & { sha256?: string }): string {
  return hash("sha256", canonicalJson(receipt));
}

/** Writes the next receipt of the tenant's chain. The tenant's row is locked, so that concurrent calls get one order. */
export async function appendReceipt(db: Db, body: ReceiptBody): Promise<Receipt> {
  return inTransaction(db, async (trx) => {
    await trx.selectFrom("tenants").select("name").where("name", "=", body.tenant).forUpdate().execute();
    const last = await trx
      .selectFrom("receipts")
      .select(["number", "sha256"])
      .where("tenant", "=", body.tenant)
      .orderBy("number", "desc")
      .executeTakeFirst();
    const open = { ...body, number: (last?.number ?? 0) + 1, previous: last?.sha256 ?? null };
    const receipt: Receipt = { ...open, sha256: receiptHash(open) };
    const { number, tenant, integration, sha256 } = receipt;
    await trx
      .insertInto("receipts")
      .values({ tenant, number, integration, sha256, receipt: JSON.stringify(receipt) })
      .execute();
    return receipt;
  });
}

/** The tenant's receipts in order. */
export async function receiptsOf(db: Db, tenant: string): Promise<Receipt[]> {
  const rows = await db.selectFrom("receipts").select("receipt").where("tenant", "=", tenant).orderBy("number").execute();
  return rows.map(({ receipt }) => receipt as unknown as Receipt);
}
