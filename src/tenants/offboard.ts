/**
 * `offboard`: removes all of a tenant's integrations. It closes access first, then destroys stack by stack, then checks that nothing with
 * the tenant's tags is left.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { taggedSurvivors } from "../accounts/inventory.ts";
import { enterAccount } from "../integrations/account.ts";
import type { Context } from "../integrations/context.ts";
import { deleteIntegration } from "../integrations/delete.ts";
import { noTenant } from "../integrations/lookup.ts";
import { closeAccess } from "../integrations/stacks/close-access.ts";
import { rulesOf } from "../integrations/stacks/kinds.ts";
import { checkPrecondition, tenantEtag } from "../model/etag.ts";
import type { IntegrationRecord } from "../model/integration.ts";
import type { TenantRecord } from "../model/tenant.ts";
import { followChildren, noteChild } from "../operations/children.ts";
import { openOperation } from "../operations/open.ts";
import type { Run } from "../operations/run.ts";
import { ProblemError, problemOf } from "../problem.ts";
import { listIntegrations } from "../store/integrations.ts";
import { findOpenOffboard, type StoredOperation } from "../store/operations.ts";
import { receiptsOf } from "../store/receipts.ts";
import type { ChildState } from "../store/reconcile-reads.ts";
import { findTenant, lockName, writeTenantTombstone } from "../store/tenants.ts";

/** Milliseconds before each retry of the teardowns that failed for a temporary reason. */
const AGAIN = [2_000, 10_000];

/**
 * DELETE on a tenant. Without integrations, the tenant becomes a tombstone at once (undefined). With integrations, an operation removes
 * them. A second DELETE returns the first one's operation.
 *
 * @throws ProblemError not_found, precondition_failed
 */
export async function requestOffboard(
  context: Context,
  { tenant: name, ifMatch, requestedBy }: { tenant: string; ifMatch?: string; requestedBy: string },
): Promise<StoredOperation | undefined> {
  return context.store.db.transaction().execute(async (trx) => {
    await lockName(trx, { tenant: name });
    const tenant = await findTenant(trx, name);
    if (!tenant) throw noTenant();
    checkPrecondition(tenantEtag(tenant), ifMatch, false);
    const open = await findOpenOffboard(trx, name);
    if (open) return open;
    if (await writeTenantTombstone(trx, name)) return undefined;
    const deadlineSeconds = context.operationSeconds * 4;
    return openOperation(context, trx, { kind: "offboard", tenant: name, request: {}, requestedBy, deadlineSeconds });
  });
}

/**
 * Runs an offboarding. After a restart, it goes on with the teardowns that it had started.
 *
 * @throws ProblemError account_unreachable (everything stays recorded), leftovers naming what is there
 */
export async function offboard(context: Context, run: Run): Promise<void> {
  const name = run.operation.tenant ?? "";
  const tenant = await findTenant(context.store.db, name);
  if (!tenant) throw new ProblemError("not_found", `Tenant ${name} was removed before this operation ran.`);
  const integrations = await allIntegrations(context, name);
  const made = integrations.some(({ stacks }) => stacks.length > 0);
  if (made) await run.step("close-trusts", () => closeAllAccess(context, run, tenant, integrations));
  const failures = await run.step("destroy-integrations", () => destroyAll(context, run, tenant));
  if (failures.length > 0) throw await leftOver(context, name, failures);
  const found = made ? await run.step("read-back", () => readBack(context, run, tenant, integrations)) : [];
  if (found.length > 0) {
    throw new ProblemError(
      "leftovers",
      `Still there after the offboarding, by its tags: ${found.join(", ")}. The tenant stays. Remove them, then DELETE it again.`,
    );
  }
  await run.step("record", async () => {
    const isTombstoneWritten = await context.store.db.transaction().execute(async (trx) => {
      // Wait for a request that is making an integration of this tenant. Then its integration is seen here.
      await lockName(trx, { tenant: name });
      return writeTenantTombstone(trx, name);
    });
    if (!isTombstoneWritten) throw new ProblemError("leftovers", `Tenant ${name} was given an integration meanwhile. DELETE it again.`);
  });
  const receipts = await receiptsOf(context.store.db, name);
  run.result = { removed: integrations.map((one) => one.name), receipts: receipts.slice(-integrations.length) };
}

async function allIntegrations(context: Context, tenant: string): Promise<IntegrationRecord[]> {
  const found: IntegrationRecord[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await listIntegrations(context.store.db, tenant, { limit: 200, cursor });
    found.push(...page.items);
    if (page.nextCursor === null) return found;
    cursor = page.nextCursor;
  }
}

/** Closes every trust and ends every session before the slow part begins. */
async function closeAllAccess(context: Context, run: Run, tenant: TenantRecord, integrations: readonly IntegrationRecord[]): Promise<void> {
  const account = await enterAccount(context, tenant, run.operation.id).catch((error: unknown) => {
    const { code, detail, cause } = problemOf(error);
    if (code !== "account_unreachable") throw error;
    const left = integrations.map((one) => one.name).join(", ");
    throw new ProblemError(code, `${detail} Nothing was removed; still recorded: ${left}.`, { ...(cause && { cause }) });
  });
  const closedRoles = await Promise.all(
    integrations.map((record) => closeAccess({ context, run }, account, record, { forTeardown: true })),
  );
  await run.progress("trusts-closed", { roles: closedRoles.flat() });
}

/** Runs the teardowns side by side, the youngest integration first. Returns those that failed for good. */
async function destroyAll(context: Context, run: Run, tenant: TenantRecord): Promise<ChildState[]> {
  for (let round = 0; ; round++) {
    const integrations = (await allIntegrations(context, tenant.name)).toSorted((a, b) => b.createdAt.localeCompare(a.createdAt));
    const children: string[] = [];
    for (const { name } of integrations) {
      run.signal.throwIfAborted();
      const child = await deleteIntegration(context, { tenant: tenant.name, name, requestedBy: run.operation.requestedBy });
      await noteChild(context, run, child.id);
      children.push(child.id);
    }
    const failed = (await followChildren(context, run, children)).filter((child) => child.state !== "succeeded");
    const pause = AGAIN[round];
    if (failed.length === 0) return [];
    if (pause === undefined || failed.every(({ error }) => error?.retry !== "later")) return failed;
    await sleep(pause, undefined, { signal: run.signal }).catch(() => run.signal.throwIfAborted());
  }
}

async function leftOver(context: Context, tenant: string, failures: readonly ChildState[]): Promise<ProblemError> {
  const left = (await allIntegrations(context, tenant)).map(({ name }) => {
    const error = failures.find((child) => child.integration === name)?.error;
    return `${name} (${error ? `${error.code}: ${error.detail}` : "not removed"})`;
  });
  return new ProblemError("leftovers", `The tenant stays, because these integrations do: ${left.join("; ")}. DELETE it again.`);
}

async function readBack(context: Context, run: Run, tenant: TenantRecord, integrations: readonly IntegrationRecord[]): Promise<string[]> {
  const { clients } = await enterAccount(context, tenant, run.operation.id);
  const keys = integrations.some(({ stacks }) => stacks.some(({ spec }) => rulesOf(spec).usesKeys));
  return taggedSurvivors(clients, { tenant: tenant.name, since: tenant.createdAt, keys });
}
