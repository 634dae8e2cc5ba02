import DataLoader from "dataloader";
import { sql } from "kysely";
import type { IntegrationRecord } from "../model/integration.ts";
import type { TenantRecord } from "../model/tenant.ts";
import type { Db } from "./database/transaction.ts";

interface Address {
  tenant: string;
  name: string;
}

/**
 * The tenant and the integration at an address. Both are undefined if the tenant doesn't exist or was offboarded. The integration may be
 * gone.
 */
interface Found {
  tenant: TenantRecord | undefined;
  integration: IntegrationRecord | undefined;
}

export type IntegrationReader = (address: Address) => Promise<Found>;

const mostTogether = 50;

/**
 * Reads integrations with their tenants. One statement reads everything that is requested in the same turn of the event loop; nothing is
 * cached. Under load, such requests share the cost of the statement, which is most of a read in the embedded database.
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
  // Joins would cost twice as much to plan, and the embedded database plans each time.
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
