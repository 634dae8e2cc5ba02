/** Batch reads for a reconcile: a thousand manifests cost a few queries. */
import { sql } from "kysely";
import type { IntegrationRecord } from "../model/integration.ts";
import { changingKinds, type OperationKind, type OperationState } from "../model/operation.ts";
import type { TenantRecord } from "../model/tenant.ts";
import type { Problem } from "../problem.ts";
import { anyOf } from "./database/any-of.ts";
import type { Db } from "./database/transaction.ts";

export async function tenantsByName(db: Db, names: readonly string[]): Promise<Map<string, TenantRecord>> {
  if (names.length === 0) return new Map();
  const rows = await db
    .selectFrom("tenants")
    .select(["name", "record"])
    .where("name", "=", anyOf(names))
    .where("gone", "=", false)
    .execute();
  return new Map(rows.map((row) => [row.name, row.record]));
}

/**
 * The integrations of these tenants that aren't gone, by `tenant/name`, without proofs. Records from before migration 0100 contain whole
 * proofs.
 */
export async function integrationsOfTenants(db: Db, tenants: readonly string[]): Promise<Map<string, IntegrationRecord>> {
  if (tenants.length === 0) return new Map();
  const rows = await db
    .selectFrom("integrations")
    .select(["tenant", "name", sql<IntegrationRecord>`record - 'proof'`.as("record")])
    .where("tenant", "=", anyOf(tenants))
    .where("gone", "=", false)
    .execute();
  return new Map(rows.map((row) => [`${row.tenant}/${row.name}`, row.record]));
}

/**
 * `tenant/name` of each integration with an operation that changes it and is queued, running or awaiting approval; and the kinds of those
 * operations.
 */
export async function busyIntegrations(db: Db, tenants: readonly string[]): Promise<Map<string, OperationKind[]>> {
  const busy = new Map<string, OperationKind[]>();
  if (tenants.length === 0) return busy;
  const rows = await db
    .selectFrom("operations")
    .select(["tenant", "integration", "kind"])
    .where("tenant", "=", anyOf(tenants))
    .where("integration", "is not", null)
    .where("state", "in", ["queued", "running", "awaiting-approval"])
    .where("kind", "in", changingKinds)
    .execute();
  for (const { tenant, integration, kind } of rows) {
    const key = `${tenant}/${integration}`;
    busy.set(key, [...(busy.get(key) ?? []), kind]);
  }
  return busy;
}

export interface ChildState {
  id: string;
  kind: OperationKind;
  state: OperationState;
  tenant: string;
  integration: string;
  error?: Problem;
}

/** The states of these operations. */
export async function statesOf(db: Db, ids: readonly string[]): Promise<ChildState[]> {
  if (ids.length === 0) return [];
  const rows = await db
    .selectFrom("operations")
    .select(["id", "kind", "state", "tenant", "integration", "error"])
    .where("id", "=", anyOf(ids))
    .execute();
  return rows.map(({ error, tenant, integration, ...row }) => ({
    ...row,
    tenant: tenant ?? "",
    integration: integration ?? "",
    ...(error && { error }),
  }));
}

/** Makes the operation a child of this parent, unless it has another one. */
export async function adoptChild(db: Db, child: string, parent: string): Promise<void> {
  await db.updateTable("operations").set({ parent }).where("id", "=", child).where("parent", "is", null).execute();
}

/** The source's reconciles that haven't ended, oldest first. */
export async function openReconciles(db: Db, source: string): Promise<{ id: string; state: OperationState }[]> {
  return db
    .selectFrom("operations")
    .select(["id", "state"])
    .where("kind", "=", "reconcile")
    .where("state", "in", ["queued", "running", "awaiting-approval"])
    .where(sql<boolean>`request->>'source' = ${source}`)
    .orderBy("position")
    .execute();
}
