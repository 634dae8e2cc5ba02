/** Proofs are stored apart from the records. They are ten times as large, are read only on request and written only when they are new. */
import { sql } from "kysely";
import type { Proof } from "../iam/contract/contract.ts";
import type { IntegrationRecord } from "../model/integration.ts";
import type { Db } from "./database/transaction.ts";

/** The columns of an integration's row, as JSON text. If the result has no `proof`, the stored proof stays. */
export function withoutProof(integration: IntegrationRecord): { record: string; proof?: string | null } {
  const { proof } = integration;
  if (proof === undefined) return { record: JSON.stringify(integration), proof: null };
  const { verdict, at } = proof;
  const record = JSON.stringify({ ...integration, proof: { verdict, at } });
  return "rows" in proof ? { record, proof: JSON.stringify(proof) } : { record };
}

/** The integration's last complete proof; null if it has none, undefined if there is no integration. */
export async function findProof(db: Db, tenant: string, name: string): Promise<Proof | null | undefined> {
  const row = await db
    .selectFrom("integrations")
    // During an upgrade, a replica of the previous version may run beside this one. It knows only the record: it writes the proof into the
    // record, and removes it at a teardown.
    .select(sql<Proof | null>`case when record->'proof' ? 'rows' then record->'proof' when record ? 'proof' then proof end`.as("proof"))
    .where("tenant", "=", tenant)
    .where("name", "=", name)
    .executeTakeFirst();
  return row?.proof;
}
