/** `up`: enter the account, look before writing, bring the stacks up, prove, record. The whole story of a create or an update. */
import type { StackSpec } from "../../stacks/stack.ts";
import type { PolicyDocument } from "../iam/policy-document.ts";
import type { Run } from "../operations/run.ts";
import { ProblemError } from "../problem.ts";
import { changeIntegration, findIntegration } from "../store/integrations.ts";
import type { ExternalIdEntry, IntegrationRecord, TenantRecord } from "../store/records.ts";
import { isVendorRevoked } from "../store/revocations.ts";
import { findTenant } from "../store/tenants.ts";
import { enterAccount } from "./account.ts";
import { type Desired, desiredStacks, requireBlueprint, type Wish } from "./desired-stacks.ts";
import { destroyStacks } from "./destroy-stacks.ts";
import { workingIds } from "./external-ids.ts";
import { keyGrants } from "./key-access.ts";
import { holdForApproval } from "./plan.ts";
import { preflight } from "./preflight.ts";
import { proveIntegration } from "./proving.ts";
import type { Shell } from "./shell.ts";
import { stackId, updateStacks, type Work } from "./update-stacks.ts";

/** What an `up` operation carries: frozen when it was accepted. */
export interface UpRequest {
  blueprint: string;
  version: string;
  parameters: Record<string, unknown>;
  externalIds: ExternalIdEntry[];
  vendorPolicy?: PolicyDocument;
}

/** The request that makes the integration what its record says. */
export function upRequestOf({ blueprint, version, parameters, externalIds, vendorPolicy }: IntegrationRecord): UpRequest {
  return { blueprint, version, parameters, externalIds, ...(vendorPolicy && { vendorPolicy }) };
}

/** The wish inside a request, now: ids past their overlap no longer count, and a revoked vendor is trusted by nobody. */
export async function wishOf(shell: Shell, request: UpRequest, integration: string): Promise<Wish> {
  const { blueprint, version, parameters, externalIds, vendorPolicy } = request;
  const { vendor } = requireBlueprint(blueprint, version);
  return {
    integration,
    blueprint,
    version,
    parameters,
    externalIds: workingIds(externalIds, shell.now()),
    revoked: await isVendorRevoked(shell.store.db, vendor),
    ...(vendorPolicy && { vendorPolicy }),
  };
}

/** The wish that an integration's record stands for. */
export async function recordedWish(shell: Shell, record: IntegrationRecord): Promise<Wish> {
  return wishOf(shell, upRequestOf(record), record.name);
}

/**
 * The tenant and integration that an operation is about.
 *
 * @throws ProblemError not_found when one was removed since
 */
export async function subjectOf(shell: Shell, run: Run): Promise<{ tenant: TenantRecord; record: IntegrationRecord }> {
  const { tenant: tenantName = "", integration = "" } = run.operation;
  const [tenant, record] = await Promise.all([
    findTenant(shell.store.db, tenantName),
    findIntegration(shell.store.db, tenantName, integration),
  ]);
  if (!tenant || !record) {
    throw new ProblemError("not_found", `Integration ${tenantName}/${integration} was removed before this operation ran.`);
  }
  return { tenant, record };
}

/** Runs an `up` to its proven end, or to the plan that somebody has to approve first. */
export async function up(shell: Shell, run: Run, request: UpRequest): Promise<void> {
  const { tenant, record } = await subjectOf(shell, run);
  const integration = record.name;
  const wish = await wishOf(shell, request, integration);
  const desired = desiredStacks(tenant, wish);
  const account = await run.step("enter-account", () => enterAccount(shell, tenant, run.operation.id));
  const work: Work = { shell, run, account, integration };
  const { warnings, keys } = await run.step("preflight", () => preflight(account, integration, desired));
  const specs = [...desired.specs, ...keyGrants(integration, desired.specs, desired.contract, keys)];
  const reasons = desired.blueprint.approvals?.(record.approvedParameters, request.parameters) ?? [];
  if (reasons.length > 0 && (await holdForApproval(work, specs, reasons))) return;
  await noteAttempt(shell, record, { run, desired, parameters: request.parameters });
  const outputs = await run.step("update-stacks", () => updateStacks(work, specs));
  await run.step("remove-stacks", () => destroyStacks(work, noLongerWanted(record, specs)));
  const proof = await proveIntegration({ work, wish, outputs, standing: "trusted" });
  run.result = {
    proof: { verdict: proof.verdict, trust: proof.trust, rows: proof.rows.length },
    warnings,
    stacks: specs.map(stackId),
    handOff: desired.handOff,
  };
}

interface Attempt {
  run: Run;
  desired: Desired;
  parameters: Record<string, unknown>;
}

/** From the first write on, the last `up` counts as not succeeded until a green proof says otherwise. */
async function noteAttempt(shell: Shell, record: IntegrationRecord, { run, desired, parameters }: Attempt): Promise<void> {
  await changeIntegration(shell.store.db, record.tenant, record.name, (now) => ({
    ...now,
    approvedParameters: parameters,
    lastUp: { operation: run.operation.id, succeeded: false, specHash: desired.specHash },
  }));
}

const noLongerWanted = (record: IntegrationRecord, specs: readonly StackSpec[]): StackSpec[] => {
  const wanted = new Set(specs.map(stackId));
  return record.stacks.map((stack) => stack.spec).filter((spec) => !wanted.has(stackId(spec)));
};
