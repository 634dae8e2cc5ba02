import DataLoader from "dataloader";
import { sql } from "kysely";
import type { IntegrationRecord } from "../model/integration.ts";
import type { TenantRecord } from "../model/tenant.ts";
import type { Db } from "./database/transaction.ts";

interface Address {
  tenant: string;
  name: string;
}

/** The tenant and the integration at an address. Neither for a tenant that doesn't exist or was offboarded; the integration may be gone. */
interface Found {
  tenant: TenantRecord | undefined;
  integration: IntegrationRecord | undefined;
}

export type IntegrationReader = (address: Address) => Promise<Found>;

const mostTogether = 50;

/**
 * Looks up integrations with their tenants. What is asked for in the same turn of the event loop is read by one statement, and nothing is
 * kept: under load those that came together share a statement's own cost, which is most of a read in the embedded database.
 */
export function integrationReader(db: Db): IntegrationReader {
  const loader = new DataLoader((asked: readonly Address[]) => findAll(db, asked), {
    cache: false,
    maxBatchSize: mostTogether,
    batchScheduleFn: (read) => setImmediate(read),
  });
  return (address) => loader.load(address);
}

async function findAll(db: Db, asked: readonly Address[]): Promise<Found[]> {
  const tenants = asked.map(({ tenant }) => tenant);
  const names = asked.map(({ name }) => name);
  // As joins they cost twice as much to plan, which the embedded database does each time.
  const { rows } = await sql<{ nth: number; tenant: TenantRecord | null; integration: IntegrationRecord | null }>`
    select nth::int, (select record from tenants t where t.name = asked.tenant and not gone) as tenant,
      (select record from integrations i where i.tenant = asked.tenant and i.name = asked.name) as integration
    from unnest(${tenants}::text[], ${names}::text[]) with ordinality asked (tenant, name, nth)`.execute(db);
  const found = new Map(rows.map(({ nth, ...row }) => [nth, row]));
  return asked.map((_, index) => {
    const row = found.get(index + 1);
    if (!row?.tenant) return { tenant: undefined, integration: undefined };
    return { tenant: row.tenant, integration: row.integration ?? undefined };
  });
}
