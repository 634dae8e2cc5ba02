/** A plan: what an `up` would do to each stack and document. A person approves exactly that by its hash. */

import { hash } from "node:crypto";
import { resolveReferences } from "../../../stacks/references.ts";
import type { Reference, StackSpec } from "../../../stacks/stack.ts";
import type { ChangeOp, StepEvent } from "../../engine/engine.ts";
import { canonicalJson } from "../../iam/words/policy-document.ts";
import type { Run } from "../../operations/run.ts";
import { ProblemError } from "../../problem.ts";
import { partitionOf } from "../desired-stacks.ts";
import type { DocumentDiff } from "../document-diff.ts";
import { runEngine, stackId, type Work } from "../work.ts";
import { rulesOf } from "./kinds.ts";

export interface StackPlan {
  stack: string;
  changes: Partial<Record<ChangeOp, number>>;
  steps: StepEvent[];
  documents: DocumentDiff[];
}

/** The engine's plan and the difference of every document, for all stacks side by side. Writes nothing. */
export async function planStacks(work: Work, specs: readonly StackSpec[]): Promise<StackPlan[]> {
  const foreseen = specs.map((spec) => resolveReferences(spec, (ref) => foresee(work, specs, ref)));
  return Promise.all(foreseen.map((spec) => planStack(work, spec)));
}

/** SHA-256 (hex) over what would change. The same plan always has the same hash. */
export function planHash(specs: readonly StackSpec[], plans: readonly StackPlan[]): string {
  const documents = plans.map((plan) => ({ stack: plan.stack, documents: plan.documents }));
  return hash("sha256", canonicalJson({ specs, documents }));
}

/**
 * Stops the run at `awaiting-approval` with its plan, unless exactly this plan was already approved. Returns whether it stopped.
 *
 * @throws ProblemError plan_stale when the account or the request has changed since the approval
 */
export async function holdForApproval(work: Work, specs: readonly StackSpec[], reasons: string[]): Promise<boolean> {
  const plans = await work.run.step("plan", () => planStacks(work, specs));
  return hold(work.run, planHash(specs, plans), { reasons, plan: plans });
}

/**
 * The same for an account that is never entered: the plan is only the documents.
 *
 * @throws ProblemError plan_stale
 */
export function holdDocuments(run: Run, specs: readonly StackSpec[], reasons: string[]): boolean {
  return hold(run, planHash(specs, []), { reasons, documents: specs.map((spec) => ({ stack: stackId(spec) })) });
}

function hold(run: Run, hash: string, result: Record<string, unknown>): boolean {
  if (run.operation.planHash === hash) return false;
  if (run.operation.planHash !== undefined) {
    throw new ProblemError(
      "plan_stale",
      "What the approved plan would do has changed since: the account isn't as it was. PUT again and approve the new plan.",
    );
  }
  run.result = result;
  run.awaitApproval(hash);
  return true;
}

/** An output before its stack is up, if it follows from the spec. Otherwise the plan shows the reference itself. */
function foresee({ account }: Work, specs: readonly StackSpec[], ref: Reference["$ref"]): string {
  const source = specs.find((spec) => spec.kind === ref.kind && spec.key === ref.key);
  const { accountId, region } = account.tenant;
  const known = source && rulesOf(source).foresee(ref.output, { partition: partitionOf(region), accountId });
  return known ?? `(${ref.output} of ${ref.kind}/${ref.key})`;
}

async function planStack(work: Work, spec: StackSpec): Promise<StackPlan> {
  const { spec: actual, documents } = await rulesOf(spec).planned(work);
  const { epoch, signal } = work.run;
  const result = await runEngine(work, "preview", actual, { lease: { epoch, signal, recordRunner: async () => {} }, refresh: false });
  return { stack: stackId(spec), changes: result.changes, steps: result.steps.filter((step) => step.op !== "same"), documents };
}
