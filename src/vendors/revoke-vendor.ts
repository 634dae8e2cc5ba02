/**
 * `revoke`: a vendor loses its access in all tenants at once, or gets it back. Every trust of the vendor is rendered by the stored flag.
 */

import { blueprints } from "../blueprints/registry.ts";
import { accept, hasBegun, readAgain } from "../integrations/accept.ts";
import { type Account, enterAccount } from "../integrations/account.ts";
import { isBeingRemoved } from "../integrations/being-removed.ts";
import type { Context } from "../integrations/context.ts";
import { appliedIntegration, approvedRequestOf, desiredIntegrationOf } from "../integrations/desired-integration.ts";
import { desiredStacks } from "../integrations/desired-stacks.ts";
import { findTenantIntegration, requireTenant } from "../integrations/lookup.ts";
import { type ClosedRole, closeAccess } from "../integrations/stacks/close-access.ts";
import { leasesOf, rulesOf } from "../integrations/stacks/kinds.ts";
import { withRetries } from "../integrations/stacks/retry.ts";
import { begun, stackId, type Work } from "../integrations/work.ts";
import type { IntegrationRecord } from "../model/integration.ts";
import { hasSettled } from "../model/operation.ts";
import { followChildren, noteChild } from "../operations/children.ts";
import { withLeases } from "../operations/lease.ts";
import { openOperation } from "../operations/open.ts";
import type { Run } from "../operations/run.ts";
import { type Problem, ProblemError, problemOf } from "../problem.ts";
import { changeIntegration, findIntegration, integrationsOfVendor } from "../store/integrations.ts";
import { findLeases } from "../store/leases.ts";
import { childrenOf, type StoredOperation } from "../store/operations.ts";
import { confirmRevocation, reinstateVendor, revokedSince, revokeVendor } from "../store/revocations.ts";

export interface RevokeRequest {
  vendor: string;
  to: "revoked" | "reinstated";
}

/** One integration in the report. */
interface Line {
  tenant: string;
  integration: string;
  roles?: ClosedRole[];
  operation?: string;
  problem?: Problem;
}

const TENANTS_AT_ONCE = 16;
const LEASE_WAIT = 300;

/**
 * Sets or clears the vendor's flag and accepts the operation that applies it, in one transaction.
 *
 * @throws ProblemError not_found when neither a blueprint nor an integration knows the vendor
 */
export async function requestRevocation(
  context: Context,
  { vendor, to, requestedBy }: RevokeRequest & { requestedBy: string },
): Promise<StoredOperation> {
  const known =
    blueprints.some((blueprint) => blueprint.vendor === vendor) || (await integrationsOfVendor(context.store.db, vendor)).length > 0;
  if (!known) throw new ProblemError("not_found", "There is no such vendor.");
  return context.store.db.transaction().execute(async (trx) => {
    await (to === "revoked" ? revokeVendor(trx, vendor, requestedBy) : reinstateVendor(trx, vendor));
    return openOperation(context, trx, {
      kind: "revoke",
      request: { vendor, to },
      requestedBy,
      deadlineSeconds: context.operationSeconds,
    });
  });
}

/** Runs a revocation or a reinstatement. If a later request has replaced it, it does nothing. */
export async function runRevoke(context: Context, run: Run, { vendor, to }: RevokeRequest): Promise<void> {
  const lease = {
    resources: [`vendor:${vendor}`],
    owner: context.owner,
    operation: run.operation.id,
    waitSeconds: LEASE_WAIT,
    signal: run.signal,
  };
  const begun = await withLeases(context.store, lease, async () => {
    const isRevoked = (await revokedSince(context.store.db, vendor)) !== undefined;
    if (isRevoked !== (to === "revoked")) run.result = { vendor, state: to, overtaken: true };
    else if (isRevoked) await revoke(context, run, vendor);
    else return reopenAll(context, run, vendor);
    return undefined;
  });
  // Without the lease, so that a revocation which comes meanwhile doesn't wait for these operations.
  if (begun) await followReopened(context, run, { vendor, lines: begun });
}

/** @throws ProblemError revoke_incomplete; the result has the report of each integration */
async function revoke(context: Context, run: Run, vendor: string): Promise<void> {
  const records = await integrationsOfVendor(context.store.db, vendor);
  const accounts = new Map<string, Promise<Account>>();
  const enter = (tenant: string) => {
    const known =
      accounts.get(tenant) ??
      requireTenant(context, tenant).then((found) => enterAccount(context, found, run.operation.id, { insists: true }));
    accounts.set(tenant, known);
    return known;
  };
  const close = async (record: IntegrationRecord): Promise<Line> => {
    const { tenant, name } = record;
    if (await isHandedOver(context, record)) return { tenant, integration: name, problem: await leftToCustomer(context, run, record) };
    if (record.stacks.length === 0 && (await requireTenant(context, tenant)).access.mode === "hand-off")
      return { tenant, integration: name, roles: [] };
    try {
      const roles = await withRetries(run, `${tenant}/${name}`, async () => {
        const account = await enter(tenant);
        return closeAccess({ context, run }, account, await withDescribedRoles({ context, run, account, integration: name }, record));
      });
      if (record.stacks.length === 0 && roles.every(({ trust }) => trust !== "closed")) return { tenant, integration: name, roles: [] };
      await changeIntegration(context.store.db, tenant, name, (now) => ({ ...now, handshake: { state: "revoked", awaiting: [] } }), run);
      const problem = replacedProblem(roles);
      return { tenant, integration: name, roles, ...(problem && { problem }) };
    } catch (error) {
      return { tenant, integration: name, problem: problemOf(error) };
    }
  };
  const lines = await run.step("close-trusts", () => sideBySide(records, close));
  await run.progress("trusts-closed", {
    vendor,
    closed: lines.filter(({ problem }) => !problem).length,
    failed: lines.filter(({ problem }) => problem).length,
  });
  await confirmRevocation(context.store.db, vendor);
  // An update that began to write a trust before the flag was set may open it after we closed it. So look again after it has ended. An
  // update that begins later sees the flag.
  const report = await run.step("look-again", () => sideBySide(lines, (line) => afterUpdates(context, run, line, close)));
  run.result = { vendor, state: "revoked", integrations: report };
  const open = report.filter(({ problem }) => problem);
  if (open.length > 0) {
    const names = open.map(({ tenant, integration, problem }) => `${tenant}/${integration} (${problem?.code})`);
    throw new ProblemError(
      "revoke_incomplete",
      `These trusts could not be closed: ${names.join(", ")}. The flag stands. Revoke again once the accounts can be entered.`,
    );
  }
}

/**
 * The record as it is. If nothing was made yet, with the stacks that its hand-off describes: somebody may have made the roles by hand from
 * it, and then they are ours by their tags.
 */
async function withDescribedRoles(work: Work, record: IntegrationRecord): Promise<IntegrationRecord> {
  if (record.stacks.length > 0) return record;
  const { specs } = desiredStacks(work.account.tenant, await appliedIntegration(work.context, record));
  return { ...record, stacks: specs.map((spec) => begun(work, spec)) };
}

/** A role in the place of ours may trust the vendor, and it isn't ours to close. So the caller must learn of it. */
function replacedProblem(roles: readonly ClosedRole[]): Problem | undefined {
  const replaced = roles.filter((one) => one.trust === "foreign" && one.wasMade).map(({ role }) => role);
  if (replaced.length === 0) return undefined;
  return new ProblemError(
    "role_name_taken",
    `Drawbridge made these roles, and somebody has made others under their names since: ${replaced.join(", ")}. They are not Drawbridge's by their tags or unique ids, so they were left as they are. Look at their trust policies, and close or remove them.`,
  ).problem;
}

/** Whether the customer made the roles from our documents, or may have. Until one is adopted, we have no record of them. */
async function isHandedOver(context: Context, { tenant, stacks, lastUp }: IntegrationRecord): Promise<boolean> {
  if (stacks.length > 0 || lastUp === undefined) return false;
  return lastUp.handedOver === true || (await requireTenant(context, tenant)).access.mode === "hand-off";
}

/** We can't close what the customer made. So the result says this, and the handshake awaits the customer. */
async function leftToCustomer(context: Context, run: Run, { tenant, name }: IntegrationRecord): Promise<Problem> {
  const awaiting = [{ what: "the closing of the roles in the account", from: "customer" as const, since: context.now() }];
  await changeIntegration(context.store.db, tenant, name, (now) => ({ ...now, handshake: { state: "revoked", awaiting } }), run);
  return new ProblemError(
    "account_unreachable",
    `The customer made the roles of ${tenant}/${name} by our documents, so Drawbridge can't close them. The customer has to close or remove them.`,
    { cause: "hand-off" },
  ).problem;
}

async function afterUpdates(context: Context, run: Run, line: Line, close: (record: IntegrationRecord) => Promise<Line>): Promise<Line> {
  const { tenant, integration } = line;
  if (line.problem) return line;
  const resources = await roleLeases(context, line);
  if (resources.length === 0) return line;
  const lease = { resources, owner: context.owner, operation: run.operation.id, waitSeconds: LEASE_WAIT, signal: run.signal };
  try {
    return await withLeases(context.store, lease, async () => {
      // Read again: an update that was making the integration has recorded its role by now.
      const record = await findIntegration(context.store.db, tenant, integration);
      return record && record.goneAt === undefined ? await close(record) : line;
    });
  } catch (error) {
    return { tenant, integration, problem: problemOf(error) };
  }
}

/** The leases under which an integration's trusts are written: those of its recorded roles, and those that are held right now. */
async function roleLeases(context: Context, { tenant, integration }: Line): Promise<string[]> {
  const [record, held] = await Promise.all([findIntegration(context.store.db, tenant, integration), findLeases(context.store.db)]);
  const recorded = (record?.stacks ?? []).flatMap(({ spec }) => (rulesOf(spec).role ? leasesOf(tenant, spec) : []));
  const own = `stack:${tenant}/${stackId({ kind: "role", key: integration })}`;
  const writing = held.flatMap(({ resource }) => (resource === own || resource.startsWith(`${own}.`) ? [resource] : []));
  return [...new Set([...recorded, ...writing])];
}

/**
 * Updates every integration to what was last approved. This opens the trusts, removes the end of the sessions, and proves each integration.
 */
async function reopenAll(context: Context, run: Run, vendor: string): Promise<Line[]> {
  const records = await integrationsOfVendor(context.store.db, vendor);
  const begun = records.filter(hasBegun);
  const removed = await sideBySide(begun, (record) => isBeingRemoved(context.store.db, record));
  const standing = begun.filter((_, index) => !removed[index]);
  // After a restart, it goes on with the operations that it had started.
  const started = new Map(
    (await childrenOf(context.store.db, run.operation.id)).map((child) => [`${child.tenant}/${child.integration}`, child.id]),
  );
  return run.step("reopen", () =>
    sideBySide(standing, async ({ tenant, name }): Promise<Line> => {
      const child = started.get(`${tenant}/${name}`);
      if (child !== undefined) return { tenant, integration: name, operation: child };
      try {
        const operation = await readAgain(() => reopen(context, tenant, name, run.operation.requestedBy));
        await noteChild(context, run, operation.id);
        return { tenant, integration: name, operation: operation.id };
      } catch (error) {
        return { tenant, integration: name, problem: problemOf(error) };
      }
    }),
  );
}

/** The result of each operation. It doesn't wait for an operation that awaits approval. */
async function followReopened(context: Context, run: Run, { vendor, lines }: { vendor: string; lines: Line[] }): Promise<void> {
  const started = lines.flatMap(({ operation }) => (operation ? [operation] : []));
  const ended = await followChildren(context, run, started, { isEnd: hasSettled });
  const integrations = lines.map((line) => {
    const child = ended.find(({ id }) => id === line.operation);
    return { ...line, ...(child?.error && { problem: child.error }), ...(child?.state === "awaiting-approval" && { state: child.state }) };
  });
  run.result = { vendor, state: "reinstated", integrations };
}

async function reopen(context: Context, tenant: string, name: string, requestedBy: string): Promise<StoredOperation> {
  const { tenant: owner, record } = await findTenantIntegration(context, tenant, name);
  const request = approvedRequestOf(record);
  const desired = desiredStacks(owner, await desiredIntegrationOf(context, request, name));
  return accept(context, { kind: "up", next: record, basis: record, desired, request, requestedBy, writers: [] });
}

async function sideBySide<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length);
  const waiting = [...items.entries()];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) results[next[0]] = await work(next[1]);
  };
  await Promise.all(Array.from({ length: TENANTS_AT_ONCE }, worker));
  return results;
}
