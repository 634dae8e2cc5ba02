import { hash } from "node:crypto";
import { sql } from "kysely";
import type { IntegrationRecord } from "../../model/integration.ts";
import { ProblemError } from "../../problem.ts";
import type { Db } from "../database/transaction.ts";
import { withoutProof } from "../proofs.ts";

/** SHA-256 (hex) of an external id in lower case: ids that differ only by case count as one id here. */
export function externalIdDigest(externalId: string): string {
  return hash("sha256", externalId.toLowerCase());
}

/** The integration that now uses this vendor's external id. Case doesn't matter. */
export async function externalIdHolder(db: Db, vendor: string, externalId: string): Promise<{ tenant: string; name: string } | undefined> {
  const row = await db
    .selectFrom("external_ids")
    .select(["tenant", "integrations"])
    .where("vendor", "=", vendor)
    .where("digest", "=", externalIdDigest(externalId))
    .executeTakeFirst();
  const name = row?.integrations[0];
  return row === undefined || name === undefined ? undefined : { tenant: row.tenant, name };
}

/** The digests of the ids that an integration claims. */
function digestsOf({ goneAt, externalIds }: IntegrationRecord): string[] {
  return goneAt === undefined ? [...new Set(externalIds.map((entry) => externalIdDigest(entry.id)))].sort() : [];
}

/** Whether two states of one integration have the same claims. */
export function sameClaims(one: IntegrationRecord, other: IntegrationRecord): boolean {
  return one.vendor === other.vendor && digestsOf(one).join() === digestsOf(other).join();
}

/**
 * Writes the integration's row, and makes its claims equal to the ids in its record. A gone integration claims none. A vendor's id belongs
 * to one tenant at a time, because a second tenant would be a confused deputy. The tenant's integrations may share it.
 *
 * @throws ProblemError external_id_taken when another tenant has the id. The primary key decides, so of two concurrent claims one fails
 */
export async function saveWithClaims(trx: Db, integration: IntegrationRecord): Promise<void> {
  const { vendor, tenant, name } = integration;
  const digests = digestsOf(integration);
  const { record, proof } = withoutProof(integration);
  // One statement. Its parts change different rows: the integration, ids that nobody else uses, ids that others still use, and wanted ids.
  const claimed = await sql`
    with saved as (
      insert into integrations (tenant, name, vendor, gone, record, proof)
      values (${tenant}, ${name}, ${vendor}, ${integration.goneAt !== undefined}, ${record}::jsonb, ${proof ?? null}::jsonb)
      on conflict (tenant, name) do update set vendor = excluded.vendor, gone = excluded.gone, record = excluded.record,
        proof = case when excluded.record ? 'proof' then coalesce(excluded.proof, integrations.proof) end
    ), ended as (
      delete from external_ids
      where vendor = ${vendor} and tenant = ${tenant} and integrations <@ array[${name}::text] and not (digest = any(${digests}::text[]))
    ), left_to_others as (
      update external_ids set integrations = array_remove(integrations, ${name}::text)
      where vendor = ${vendor} and tenant = ${tenant} and ${name}::text = any(integrations)
        and not (integrations <@ array[${name}::text]) and not (digest = any(${digests}::text[]))
    )
    insert into external_ids (vendor, digest, tenant, integrations)
    select ${vendor}, digest, ${tenant}, array[${name}::text] from unnest(${digests}::text[]) with ordinality as wanted (digest, nth) order by nth
    on conflict (vendor, digest) do update
      set integrations = array_append(array_remove(external_ids.integrations, ${name}::text), ${name}::text)
      where external_ids.tenant = ${tenant}
    returning digest`.execute(trx);
  if (claimed.rows.length < digests.length) {
    throw new ProblemError("external_id_taken", "Another integration has this external id. Ask the vendor for one of its own.");
  }
}
