/**
 * `detect-drift`: reads the account, compares it with our records and gives each integration a verdict. It repairs if that is requested.
 */
import { readKeySettings } from "../accounts/keys.ts";
import { sidPrefix } from "../iam/words/sid.ts";
import { type Account, enterAccount } from "../integrations/account.ts";
import type { Context } from "../integrations/context.ts";
import { appliedIntegration } from "../integrations/desired-integration.ts";
import { desiredStacks } from "../integrations/desired-stacks.ts";
import { findTenantIntegration, requireTenant } from "../integrations/lookup.ts";
import { type BucketReads, readLive, withOutputs } from "../integrations/prove.ts";
import { recordedOutputs } from "../integrations/proving.ts";
import type { DriftRecord } from "../model/drift.ts";
import type { IntegrationRecord } from "../model/integration.ts";
import { openOperation } from "../operations/open.ts";
import type { Run } from "../operations/run.ts";
import { ProblemError } from "../problem.ts";
import { findDrift, saveDrift, tenantsDueForSweep } from "../store/drift.ts";
import { findIntegration } from "../store/integrations.ts";
import type { StoredOperation } from "../store/operations.ts";
import { busyIntegrations, integrationsOfTenants } from "../store/reconcile-reads.ts";
import { repairOf } from "./drift-repair.ts";
import { driftVerdict, unknownVerdict, type Verdict } from "./drift-verdict.ts";

/** The request of a detect-drift operation. Without an integration, it covers all of the tenant's integrations. */
export interface DetectRequest {
  /** Repair what is found, whatever the settings say and however often it came back */
  remediate?: boolean;
}

const AT_ONCE = 8;

/** Runs a detection over one integration or all of a tenant's. */
export async function detectDrift(context: Context, run: Run, request: DetectRequest): Promise<void> {
  const { tenant: tenantName = "", integration } = run.operation;
  const tenant = await requireTenant(context, tenantName);
  const names = await standing(context, tenantName, integration);
  const account = await run
    .step("enter-account", () => enterAccount(context, tenant, run.operation.id))
    .catch((error) => {
      if (!(error instanceof ProblemError)) throw error;
      return error;
    });
  const found = new Map<string, DriftRecord>();
  const buckets: BucketReads = new Map();
  await run.step("read", async () => {
    const waiting = [...names];
    const worker = async () => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
        run.signal.throwIfAborted();
        const drift = await look(context, run, { account, buckets }, name);
        if (drift) found.set(name, drift);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  });
  for (const [name, drift] of found) await settle(context, run, name, drift, request.remediate === true);
  run.result = resultOf([...found].map(([name, drift]) => ({ name, ...drift })));
}

/** An operation's record is read whole and often, so it lists no more than this. Each integration's own verdict is always kept. */
const MOST_LISTED = 1_000;

/** Lists found drift and unknown verdicts first. The counts are complete. */
function resultOf(seen: (DriftRecord & { name: string })[]): Record<string, unknown> {
  const counted = (verdict: DriftRecord["verdict"]) => seen.filter((one) => one.verdict === verdict).length;
  const summary = { none: counted("none"), found: counted("found"), unknown: counted("unknown") };
  const listed = [...seen.filter(({ verdict }) => verdict !== "none"), ...seen.filter(({ verdict }) => verdict === "none")].slice(
    0,
    MOST_LISTED,
  );
  return { summary, integrations: listed, ...(seen.length > listed.length && { unlisted: seen.length - listed.length }) };
}

/** The integrations to check: those that exist, aren't ignored and aren't being changed right now. */
async function standing(context: Context, tenant: string, integration: string | undefined): Promise<string[]> {
  if (integration !== undefined) return [integration];
  const [all, busy] = await Promise.all([integrationsOfTenants(context.store.db, [tenant]), busyIntegrations(context.store.db, [tenant])]);
  return [...all.values()]
    .filter((record) => record.stacks.length > 0 && record.settings["drift"] !== "ignore" && !busy.has(`${tenant}/${record.name}`))
    .map((record) => record.name);
}

interface Entered {
  /** The account, or why it couldn't be entered */
  account: Account | ProblemError;
  buckets: BucketReads;
}

async function look(context: Context, run: Run, { account, buckets }: Entered, name: string): Promise<DriftRecord | undefined> {
  const { tenant = "", id } = run.operation;
  const record = await findIntegration(context.store.db, tenant, name);
  if (!record || record.goneAt !== undefined || record.stacks.length === 0) return undefined;
  const seen = { at: context.now(), operation: id };
  try {
    if (account instanceof ProblemError) throw account;
    return { ...(await compare(context, { account, buckets }, record)), ...seen };
  } catch (error) {
    run.signal.throwIfAborted();
    if (!(error instanceof ProblemError)) throw error;
    return { ...unknownVerdict(error), ...seen };
  }
}

/** The recorded specs say what should exist. The contract says what a difference means for the vendor's access. */
async function compare(
  context: Context,
  { account, buckets }: { account: Account; buckets: BucketReads },
  record: IntegrationRecord,
): Promise<Verdict> {
  const outputs = recordedOutputs(record);
  const desired = desiredStacks(account.tenant, { ...(await appliedIntegration(context, record)), outputs: Object.fromEntries(outputs) });
  const contract = withOutputs(desired.contract, outputs);
  const specs = withOutputs(
    record.stacks.map((stack) => stack.spec),
    outputs,
  );
  const [documents, settings] = await Promise.all([
    readLive(account, contract, desired.expectations, buckets),
    Promise.all((contract.ownedKeys ?? []).map((arn) => readKeySettings(account.clients.kms, arn))),
  ]);
  const live = { ...documents, keys: documents.keys.map((key) => ({ ...key, ...settings.find(({ arn }) => arn === key.arn) })) };
  const expected = { specs, outputs, sidPrefix: sidPrefix(record.tenant, record.name), encryption: desired.expectations.encryption };
  return driftVerdict(expected, contract, live, context.now());
}

/** Stores the verdict, reports a drift as an event, and starts a repair if that is wanted, useful and not contested. */
async function settle(context: Context, run: Run, name: string, drift: DriftRecord, asked: boolean): Promise<void> {
  const { tenant = "" } = run.operation;
  const before = await findDrift(context.store.db, tenant, name);
  Object.assign(drift, {
    ...(drift.verdict !== "none" && { since: before && before.verdict === drift.verdict ? (before.since ?? drift.at) : drift.at }),
    ...(before?.remediation && { remediation: before.remediation }),
    ...(before?.contested && !asked && drift.verdict !== "none" && { contested: before.contested }),
  });
  if (drift.verdict === "found") {
    const words = drift.differences.map((difference) => difference.words);
    await run.progress("drift-found", { integration: name, access: drift.access, words });
    const remediation = await repairOf(context, run, { name, drift, asked });
    if (remediation) drift.remediation = remediation;
  }
  await saveDrift(context.store.db, tenant, name, drift);
}

/**
 * Accepts a detection over one integration, or over all of a tenant's.
 *
 * @throws ProblemError not_found
 */
export async function requestDetection(
  context: Context,
  { tenant, name, remediate = false, requestedBy }: { tenant: string; name?: string; remediate?: boolean; requestedBy: string },
): Promise<StoredOperation> {
  if (name === undefined) await requireTenant(context, tenant);
  else await findTenantIntegration(context, tenant, name);
  const request: DetectRequest = { remediate };
  return context.store.db.transaction().execute((trx) =>
    openOperation(context, trx, {
      kind: "detect-drift",
      tenant,
      integration: name,
      request: { ...request },
      requestedBy,
      deadlineSeconds: context.operationSeconds,
    }),
  );
}

const SWEEP_AGE = 900;
const TENANTS_A_ROUND = 20;

/** One round of the sweep: a detection for each tenant with an integration that was not checked for 15 minutes. */
export async function sweepDrift(context: Context, olderThan = SWEEP_AGE): Promise<number> {
  const tenants = await tenantsDueForSweep(context.store.db, olderThan, TENANTS_A_ROUND);
  for (const tenant of tenants) await requestDetection(context, { tenant, requestedBy: "drift-sweep" });
  return tenants.length;
}
