/** Proofs are stored apart from the records: they are ten times as large, and are read only on request and written only when they are new. */
import { sql } from "kysely";
import type { Proof } from "../iam/contract/contract.ts";
import type { IntegrationRecord } from "../model/integration.ts";
import type { Db } from "./database/transaction.ts";

/** The columns of an integration's row, as JSON text. No `proof` means that the one which stands there stays. */
export function withoutProof(integration: IntegrationRecord): { record: string; proof?: string | null } {
  const { proof } = integration;
  if (proof === undefined) return { record: JSON.stringify(integration), proof: null };
  const { verdict, at } = proof;
  const record = JSON.stringify({ ...integration, proof: { verdict, at } });
  return "rows" in proof ? { record, proof: JSON.stringify(proof) } : { record };
}

/** The integration's last proof, whole; null where it has none, undefined where there is no integration. */
export async function findProof(db: Db, tenant: string, name: string): Promise<Proof | null | undefined> {
  const row = await db
    .selectFrom("integrations")
    // A replica of the version before, beside which this one runs during an upgrade, knows the record alone: it writes the proof into it,
    // and takes it out when it tears the integration down.
    .select(sql<Proof | null>`case when record->'proof' ? 'rows' then record->'proof' when record ? 'proof' then proof end`.as("proof"))
    .where("tenant", "=", tenant)
    .where("name", "=", name)
    .executeTakeFirst();
  return row?.proof;
}
