/** Updates an integration's stacks, layer by layer, each under its own lease. */

import { upOrder } from "../../../stacks/order.ts";
import { referencesOf, resolveReferences } from "../../../stacks/references.ts";
import type { StackSpec } from "../../../stacks/stack.ts";
import type { UpdateResult } from "../../engine/engine.ts";
import type { RecordedStack } from "../../model/integration.ts";
import { type HeldLease, withLeases } from "../../operations/lease.ts";
import { closedMeanwhile } from "../being-removed.ts";
import { begun, LEASE_WAIT, type Outputs, runEngine, stackId, type Work } from "../work.ts";
import { closeAccess } from "./close-access.ts";
import { findOrphans, refuseVanished } from "./find-orphans.ts";
import { leasesOf, rulesOf } from "./kinds.ts";
import { recordChanging, recordUp } from "./recorded-stacks.ts";
import { withRetries } from "./retry.ts";
import type { Applied } from "./stack-rules.ts";

/**
 * Runs `up` on every stack: independent ones side by side, each after those whose outputs it uses. A failed stack stops only the stacks
 * that need it. Returns the outputs by stack.
 *
 * @throws ProblemError the first failure, after everything that could run has run
 */
export async function updateStacks(work: Work, specs: readonly StackSpec[]): Promise<Outputs> {
  const outputs: Outputs = new Map();
  const failures: unknown[] = [];
  for (const layer of upOrder(specs)) {
    const ready = layer.filter((spec) => referencesOf(spec).every((ref) => outputs.has(stackId(ref))));
    const results = await Promise.allSettled(ready.map((spec) => updateStack(work, spec, outputs)));
    for (const [index, result] of results.entries()) {
      const spec = ready[index];
      if (spec && result.status === "fulfilled") outputs.set(stackId(spec), result.value);
      if (result.status === "rejected") failures.push(result.reason);
    }
  }
  if (failures.length > 0) throw failures[0];
  return outputs;
}

async function updateStack(work: Work, asked: StackSpec, outputs: Outputs): Promise<Record<string, unknown>> {
  const { context, run, account } = work;
  const resources = leasesOf(account.tenant.name, asked);
  const lease = { resources, owner: context.owner, operation: run.operation.id, waitSeconds: LEASE_WAIT, signal: run.signal };
  return withLeases(context.store, lease, async (held) => {
    const { before, spec } = await recordChanging(work, asked, { opens: true });
    const resolved = resolveReferences(spec, (ref) => outputs.get(stackId(ref))?.[ref.output]);
    const rules = rulesOf(resolved);
    await clearRenamed(work, spec, before, held);
    const { result, applied } = await withRetries(run, stackId(spec), (attempt) =>
      tryUpdate(work, resolved, { before, lease: held, attempt }),
    );
    const made = { ...result.outputs, ...(await rules.outputsBeside(work, applied, before)) };
    const record = await recordUp(work, spec, made);
    // A teardown closes trusts without this lease. So close again what was written after that.
    if (rules.role && record.closedByTeardown) {
      await closeAccess(work, account, record, { forTeardown: true });
      throw closedMeanwhile(record.name);
    }
    await rules.afterUpdate(work, applied, made);
    await run.progress("stack-up", { stack: stackId(spec), changes: result.changes, duration: result.duration });
    return made;
  });
}

async function tryUpdate(
  work: Work,
  spec: StackSpec,
  { before, lease, attempt }: { before: RecordedStack | undefined; lease: HeldLease; attempt: number },
): Promise<{ result: UpdateResult; applied: Applied }> {
  const found = await findOrphans(work, spec, attempt === 1 ? before : (before ?? begun(work, spec)));
  refuseVanished(spec, before, found);
  const applied = await rulesOf(spec).apply(work, { before, found });
  // The engine compares with its state, not with the account. So it must refresh first after an update that didn't end well, and if
  // somebody else changed the document since.
  const unsure = attempt > 1 || found.restored || (before !== undefined && before.status !== "up");
  const refresh = unsure || (before !== undefined && applied.live !== undefined && applied.live !== before.outputs?.policyDigest);
  return { applied, result: await runEngine(work, "up", applied.spec, { lease, refresh, adopt: found.adopt }) };
}

/** Destroys what an interrupted run made under a name that is no longer wanted. It isn't in state, so nothing else would find it. */
async function clearRenamed(work: Work, spec: StackSpec, before: RecordedStack | undefined, lease: HeldLease): Promise<void> {
  if (before === undefined || !rulesOf(spec).isRenamed(before.spec)) return;
  const { adopt } = await findOrphans(work, before.spec, before);
  if (Object.keys(adopt).length === 0) return;
  await runEngine(work, "destroy", rulesOf(before.spec).bare, { lease, refresh: false, adopt });
}
