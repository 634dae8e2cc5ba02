import type { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import type { Database } from "./database.ts";
import { up as firstTables } from "./migrations/0001-first-tables.ts";
import { up as vendorRevocations } from "./migrations/0002-vendor-revocations.ts";
import { up as receipts } from "./migrations/0003-receipts.ts";
import { up as trustedPrincipals } from "./migrations/0010-trusted-principals.ts";
import { up as git } from "./migrations/0020-git.ts";
import { up as security } from "./migrations/0050-security.ts";
import { up as openPerTenant } from "./migrations/0060-open-per-tenant.ts";
import { up as bounds } from "./migrations/0070-bounds.ts";
import { up as oneIndexEach } from "./migrations/0090-one-index-each.ts";
import { up as proofsApart } from "./migrations/0100-proofs-apart.ts";
import { up as namesWithoutTokens } from "./migrations/0110-names-without-tokens.ts";
import { up as claims } from "./migrations/0120-claims.ts";
import { up as legacyAuthors } from "./migrations/0130-legacy-authors.ts";
import { up as refusalsByTenant } from "./migrations/0140-refusals-by-tenant.ts";
import { up as closedByTeardowns } from "./migrations/0150-closed-by-teardowns.ts";
import { up as planScope } from "./migrations/0160-plan-scope.ts";
import { up as resourceClaims } from "./migrations/0170-resource-claims.ts";
import { up as keyFamilies } from "./migrations/0180-key-families.ts";

/** Kysely applies them in order of their names. A released migration is never edited. */
const migrations = {
  "0140-refusals-by-tenant": { up: refusalsByTenant },
  "0150-closed-by-teardowns": { up: closedByTeardowns },
  "0160-plan-scope": { up: planScope },
  "0170-resource-claims": { up: resourceClaims },
  "0180-key-families": { up: keyFamilies },
  "0130-legacy-authors": { up: legacyAuthors },
  "0120-claims": { up: claims },
  "0110-names-without-tokens": { up: namesWithoutTokens },
  "0100-proofs-apart": { up: proofsApart },
  "0090-one-index-each": { up: oneIndexEach },
  "0070-bounds": { up: bounds },
  "0060-open-per-tenant": { up: openPerTenant },
  "0050-security": { up: security },
  "0020-git": { up: git },
  "0001-first-tables": { up: firstTables },
  "0010-trusted-principals": { up: trustedPrincipals },
  "0002-vendor-revocations": { up: vendorRevocations },
  "0003-receipts": { up: receipts },
};

/**
 * Brings the schema up to date. On PostgreSQL, Kysely meanwhile holds a transaction-scoped advisory lock, so replicas that start together
 * migrate once. PGlite has only one process.
 */
export async function migrate(db: Kysely<Database>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
