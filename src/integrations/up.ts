/** `up`: enters the account, checks before it writes, updates the stacks, proves and records. All of a create or an update. */
import type { StackSpec } from "../../stacks/stack.ts";
import type { Blueprint } from "../blueprints/parts/blueprint.ts";
import { canonicalJson } from "../iam/words/policy-document.ts";
import type { IntegrationRecord, UpRequest } from "../model/integration.ts";
import type { Run } from "../operations/run.ts";
import { ProblemError } from "../problem.ts";
import type { Db } from "../store/database/transaction.ts";
import { changeIntegration } from "../store/integrations.ts";
import { findLaterTeardown } from "../store/operations.ts";
import { enterAccount } from "./account.ts";
import { approvalReasons } from "./approval/approval-reasons.ts";
import { refuseWithoutRights } from "./approval/author-rights.ts";
import { closedMeanwhile } from "./being-removed.ts";
import type { Context } from "./context.ts";
import { approvedParametersOf, asApproved, desiredIntegrationOf, upRequestOf } from "./desired-integration.ts";
import { type DesiredStacks, desiredStacks } from "./desired-stacks.ts";
import { handOver } from "./hand-off/hand-over.ts";
import { lookUpOperation } from "./lookup.ts";
import { preflight } from "./preflight.ts";
import { proveIntegration } from "./proving.ts";
import { refuseUntrusted } from "./put.ts";
import { refuseServiceResources } from "./resources/own-resources.ts";
import { destroyStacks } from "./stacks/destroy-stacks.ts";
import { giverOf, keyGrants, statementReasons } from "./stacks/key-ladder.ts";
import { holdDocuments, holdForApproval } from "./stacks/plan.ts";
import { updateStacks } from "./stacks/update-stacks.ts";
import { stackId, type Work } from "./work.ts";

/** What an `up` does in addition when it takes over an existing role (adopt.ts). */
export interface TakingOver {
  /** Before the first write. Refuses, or returns the role's name and warnings for people. */
  compare(work: Work, specs: readonly StackSpec[]): Promise<{ role: string; warnings: string[] }>;
  /** Right before the first update. */
  take(work: Work, specs: readonly StackSpec[]): Promise<void>;
}

/** Runs an `up` until it is proven, or until it has a plan that somebody must approve first. */
export async function up(context: Context, run: Run, request: UpRequest, taking?: TakingOver): Promise<void> {
  const { tenant, record } = await lookUpOperation(context, run);
  const integration = record.name;
  await refuseWithoutRights(context, request.authors ?? [], tenant.name);
  const asked = await desiredIntegrationOf(context, request, integration);
  const approver = request.approvedBy ?? record.approvedBy;
  const desiredIntegration = approver === undefined ? asked : { ...asked, approvedBy: approver };
  const desired = desiredStacks(tenant, desiredIntegration);
  refuseServiceResources(context, desired);
  await refuseWithdrawn(context, desired.blueprint, { record, parameters: request.parameters });
  const reasons = await approvalReasons(context, desired.blueprint, { record, parameters: request.parameters });
  if (tenant.access.mode === "hand-off") {
    if (reasons.length > 0 && holdDocuments(run, desired.specs, reasons)) return;
    await handOver({ context, run, tenant, desiredIntegration, request: upRequestOf(request) });
    return;
  }
  const account = await run.step("enter-account", () => enterAccount(context, tenant, run.operation.id));
  const work: Work = { context, run, account, integration };
  const taken = taking && (await run.step("compare", () => taking.compare(work, desired.specs)));
  const { warnings, keys } = await run.step("preflight", () => preflight(account, integration, expecting(desired, taken?.role)));
  const specs = [...desired.specs, ...keyGrants(integration, desired, keys, giverOf(tenant))];
  reasons.push(...statementReasons(specs, desired.contract, keys));
  if (reasons.length > 0 && (await holdForApproval(work, specs, reasons))) return;
  await noteAttempt(context, record, { run, desired, request: upRequestOf(request), approvedBy: approver });
  if (taking) await run.step("take-over", () => taking.take(work, specs));
  const outputs = await run.step("update-stacks", () => updateStacks(work, specs));
  await run.step("remove-stacks", () => destroyStacks(work, noLongerWanted(record, specs)));
  const proof = await proveIntegration({ work, desiredIntegration, outputs, standing: "trusted" });
  run.result = {
    proof: { verdict: proof.verdict, trust: proof.trust, rows: proof.rows.length },
    warnings: [...(taken?.warnings ?? []), ...warnings],
    stacks: specs.map(stackId),
    handOff: desired.handOff,
  };
}

/**
 * If an administrator took a principal off the list after the request was accepted, the principal gets no new access. If it has access
 * already, it keeps it.
 *
 * @throws ProblemError untrusted_principal
 */
async function refuseWithdrawn(
  context: Context,
  blueprint: Blueprint,
  { record, parameters }: { record: IntegrationRecord; parameters: Record<string, unknown> },
): Promise<void> {
  const had = approvedParametersOf(record) ?? (record.lastUp?.succeeded ? record.parameters : undefined);
  const known = had === undefined ? [] : (blueprint.outsidePrincipals?.(had) ?? []).map(({ arn }) => arn);
  const asked = (blueprint.outsidePrincipals?.(parameters) ?? []).filter(({ arn }) => !known.includes(arn));
  await refuseUntrusted(context, record.vendor, asked);
}

/** A role that is being taken over was already compared. Its name needn't be free. */
function expecting(desired: DesiredStacks, taken: string | undefined): DesiredStacks {
  const { expectations } = desired;
  return { ...desired, expectations: { ...expectations, roleNames: expectations.roleNames.filter((name) => name !== taken) } };
}

interface Attempt {
  run: Run;
  desired: DesiredStacks;
  request: UpRequest;
  approvedBy: string | undefined;
}

/** From the first write until a green proof, the last `up` counts as not succeeded. */
async function noteAttempt(context: Context, record: IntegrationRecord, { run, desired, request, approvedBy }: Attempt): Promise<void> {
  const lastUp = { operation: run.operation.id, succeeded: false, specHash: desired.specHash };
  const noted = async (now: IntegrationRecord, trx: Db) => {
    refuseOvertaken(desired.blueprint, now, request);
    if ((await findLaterTeardown(trx, run.operation.id)) !== undefined) throw closedMeanwhile(now.name);
    return { ...asApproved(now, request, approvedBy), lastUp };
  };
  await changeIntegration(context.store.db, record.tenant, record.name, noted, run);
}

/**
 * Before anything was made, the vendor and the roles' names may still change. An operation that was accepted before such a change would
 * make resources that the record no longer names. Neither a revocation nor a teardown would look for them.
 *
 * @throws ProblemError plan_stale
 */
function refuseOvertaken(blueprint: Blueprint, now: IntegrationRecord, { parameters }: UpRequest): void {
  const moved = blueprint.immutable.find((field) => canonicalJson(now.parameters[field]) !== canonicalJson(parameters[field]));
  if (moved === undefined) return;
  throw new ProblemError("plan_stale", `${moved} was changed while this operation began. A newer operation makes what is asked for now.`, {
    pointer: `/parameters/${moved}`,
  });
}

const noLongerWanted = (record: IntegrationRecord, specs: readonly StackSpec[]): StackSpec[] => {
  const wanted = new Set(specs.map(stackId));
  return record.stacks.map((stack) => stack.spec).filter((spec) => !wanted.has(stackId(spec)));
};
