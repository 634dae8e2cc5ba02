/** `up`: enter the account, look before writing, bring the stacks up, prove, record. The whole story of a create or an update. */
import type { StackSpec } from "../../stacks/stack.ts";
import type { Proof } from "../iam/contract.ts";
import type { Run } from "../operations/run.ts";
import { ProblemError } from "../problem.ts";
import { changeIntegration, findIntegration } from "../store/integrations.ts";
import type { ExternalIdEntry, IntegrationRecord, TenantRecord } from "../store/records.ts";
import { findTenant } from "../store/tenants.ts";
import { enterAccount } from "./account.ts";
import { type Desired, desiredStacks, type Wish } from "./desired-stacks.ts";
import { destroyStacks } from "./destroy-stacks.ts";
import { workingIds } from "./external-ids.ts";
import { handshakeOf } from "./handshake.ts";
import { keyGrants } from "./key-access.ts";
import { preflight } from "./preflight.ts";
import { prove, refuseRed, withOutputs } from "./prove.ts";
import type { Shell } from "./shell.ts";
import { stackId, updateStacks } from "./update-stacks.ts";

/** What an `up` operation carries: frozen when it was accepted. */
export interface UpRequest {
  blueprint: string;
  version: string;
  parameters: Record<string, unknown>;
  externalIds: ExternalIdEntry[];
}

/** The wish inside a frozen request, at a moment: ids past their overlap no longer count. */
export function wishOf(request: UpRequest, integration: string, now: string): Wish {
  const { blueprint, version, parameters, externalIds } = request;
  return { integration, blueprint, version, parameters, externalIds: workingIds(externalIds, now) };
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
  if (!tenant || !record)
    throw new ProblemError("not_found", `Integration ${tenantName}/${integration} was removed before this operation ran.`);
  return { tenant, record };
}

/** Runs an `up` to its proven end. */
export async function up(shell: Shell, run: Run, request: UpRequest): Promise<void> {
  const { tenant, record } = await subjectOf(shell, run);
  const integration = record.name;
  const desired = desiredStacks(tenant, wishOf(request, integration, shell.now()));
  const account = await run.step("enter-account", () => enterAccount(shell, tenant, run.operation.id));
  const work = { shell, run, account, integration };
  const { warnings, keys } = await run.step("preflight", () => preflight(account, integration, desired));
  const specs = [...desired.specs, ...keyGrants(integration, desired.specs, desired.contract, keys)];
  await noteAttempt(shell, record, run, desired);
  const outputs = await run.step("update-stacks", () => updateStacks(work, specs));
  await run.step("remove-stacks", () => destroyStacks(work, noLongerWanted(record, specs)));
  const contract = withOutputs(desired.contract, outputs);
  const applied = withOutputs(desired.specs, outputs);
  const proof = await run.step("prove", () =>
    prove({ account, contract, expectations: desired.expectations, specs: applied, now: shell.now, signal: run.signal }),
  );
  await run.step("record", () => recordProof(shell, run, desired, proof));
  await refuseRed(account, contract, proof).catch(async (error) => {
    await distrustState(shell, record);
    throw error;
  });
  run.result = {
    proof: { verdict: proof.verdict, trust: proof.trust, rows: proof.rows.length },
    warnings,
    stacks: specs.map(stackId),
    handOff: desired.handOff,
  };
}

/** From the first write on, the last `up` counts as not succeeded until a green proof says otherwise. */
async function noteAttempt(shell: Shell, record: IntegrationRecord, run: Run, desired: Desired): Promise<void> {
  await changeIntegration(shell.store.db, record.tenant, record.name, (now) => ({
    ...now,
    lastUp: { operation: run.operation.id, succeeded: false, specHash: desired.specHash },
  }));
}

const noLongerWanted = (record: IntegrationRecord, specs: readonly StackSpec[]): StackSpec[] => {
  const wanted = new Set(specs.map(stackId));
  return record.stacks.map((stack) => stack.spec).filter((spec) => !wanted.has(stackId(spec)));
};

async function recordProof(shell: Shell, run: Run, desired: Desired, proof: Proof): Promise<void> {
  const { tenant = "", integration = "", id } = run.operation;
  const succeeded = proof.verdict === "green";
  await changeIntegration(shell.store.db, tenant, integration, (record) => ({
    ...record,
    proof,
    lastUp: { operation: id, succeeded, specHash: desired.specHash },
    handshake: handshakeOf({ rule: desired.blueprint.externalId, record, proof, now: shell.now() }),
    updatedAt: shell.now(),
  }));
}

/** After a direct write beside Pulumi its state is behind the cloud: the next update has to look before it compares. */
async function distrustState(shell: Shell, { tenant, name }: IntegrationRecord): Promise<void> {
  await changeIntegration(shell.store.db, tenant, name, (record) => ({
    ...record,
    stacks: record.stacks.map((stack) => ({ ...stack, status: "changing" as const })),
  }));
}
