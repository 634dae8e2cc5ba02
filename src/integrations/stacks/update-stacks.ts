/** Brings an integration's stacks up, layer by layer, each under its own lease. */

import { upOrder } from "../../../stacks/order.ts";
import { referencesOf, resolveReferences } from "../../../stacks/references.ts";
import type { StackSpec } from "../../../stacks/stack.ts";
import type { RecordedStack } from "../../model/integration.ts";
import { type HeldLease, withLeases } from "../../operations/lease.ts";
import { closedMeanwhile } from "../being-removed.ts";
import { bareRole, begun, LEASE_WAIT, leasesOf, type Outputs, runEngine, stackId, type Work } from "../work.ts";
import { mergedPolicy, policyDigest } from "./bucket-policies.ts";
import { contain } from "./contain.ts";
import { giveStatements } from "./key-policies.ts";
import { isOwnedKey, unmarkRetained, withRetainedKey } from "./keys.ts";
import { patiently } from "./patience.ts";
import { recordChanging, recordUp } from "./recorded-stacks.ts";
import { type Found, lookBefore, refuseVanished } from "./unrecorded.ts";

/**
 * Runs `up` on every stack: independent ones side by side, each after those whose outputs it names. One that fails stops the
 * stacks that need it; the others go on and stay true. Answers the outputs by stack.
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
  const { shell, run, account } = work;
  const tenant = account.tenant.name;
  return withLeases(
    shell.store,
    { resources: leasesOf(tenant, asked), owner: shell.owner, operation: run.operation.id, waitSeconds: LEASE_WAIT, signal: run.signal },
    async (lease) => {
      const { before, spec } = await recordChanging(work, asked, { opens: true });
      const resolved = resolveReferences(spec, (ref) => outputs.get(stackId(ref))?.[ref.output]);
      await clearRenamed(work, spec, before, lease);
      const { result, actual } = await patiently(run, stackId(spec), async (attempt) => {
        const found = await lookBefore(work, resolved, attempt === 1 ? before : (before ?? begun(work, spec)));
        refuseVanished(resolved, before, found);
        const actual = await asApplied(work, resolved, { before, found });
        // The engine compares with its state, not with the cloud: after an update that didn't end well, and for a document that
        // somebody else changed since, it must look first.
        const unsure = attempt > 1 || found.restored || (before !== undefined && before.status !== "up");
        const refresh = unsure || (before !== undefined && actual.live !== undefined && actual.live !== before.outputs?.policyDigest);
        return { actual, result: await runEngine(work, "up", actual.spec, { lease, refresh, adopt: found.adopt }) };
      });
      const made = {
        ...result.outputs,
        ...(await keyPolicyOf(work, resolved, before)),
        ...(actual.spec.kind === "bucket-policy" && { policyDigest: policyDigest(actual.spec.inputs.policy) }),
      };
      const record = await recordUp(work, spec, made);
      // A teardown closes trusts without this lease: what was written after that is closed again.
      if (spec.kind === "role" && record.closedByTeardown) {
        await contain(work, account, record, { forTeardown: true });
        throw closedMeanwhile(record.name);
      }
      if (isOwnedKey(actual.spec) && "adoptKeyId" in actual.spec.inputs) await unmarkRetained(work, actual.spec, made);
      await run.progress("stack-up", { stack: stackId(spec), changes: result.changes, duration: result.duration });
      return made;
    },
  );
}

/** A key's policy isn't Pulumi's: our statements go into it beside the update, and those of an earlier one out of it. */
async function keyPolicyOf(work: Work, spec: StackSpec, before: RecordedStack | undefined): Promise<{ priorPolicy?: string }> {
  if (spec.kind !== "kms-key" || !("existingKeyArn" in spec.inputs)) return {};
  const prior = before?.outputs?.["priorPolicy"];
  if (spec.inputs.statements === undefined && prior === undefined) return {};
  return { priorPolicy: await giveStatements(work, spec.inputs, typeof prior === "string" ? prior : undefined) };
}

/** What only the moment of the update can tell: what a shared document holds now, whether a key was left for this stack. */
async function asApplied(
  work: Work,
  spec: StackSpec,
  { before, found }: { before: RecordedStack | undefined; found: Found },
): Promise<{ spec: StackSpec; live?: string }> {
  if (spec.kind === "bucket-policy") return mergedPolicy(work, spec);
  const isNew = before?.outputs?.keyArn === undefined && found.adopt.key === undefined;
  if (isOwnedKey(spec) && isNew) return { spec: await withRetainedKey(work, spec) };
  return { spec };
}

/** A role that an interrupted run made under a name which is wanted no more: it isn't in state, so nobody else would find it. */
async function clearRenamed(work: Work, spec: StackSpec, before: RecordedStack | undefined, lease: HeldLease): Promise<void> {
  if (before === undefined || spec.kind !== "role" || before.spec.kind !== "role" || before.spec.inputs.name === spec.inputs.name) return;
  const { adopt } = await lookBefore(work, before.spec, before);
  if (adopt.role === undefined) return;
  await runEngine(work, "destroy", bareRole(before.spec), { lease, refresh: false, adopt });
}
