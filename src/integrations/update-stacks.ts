/** Brings an integration's stacks up, layer by layer, each under its own lease. */

import { stackAddress } from "../../stacks/name.ts";
import { upOrder } from "../../stacks/order.ts";
import { referencesOf, resolveReferences } from "../../stacks/references.ts";
import type { StackSpec } from "../../stacks/stack.ts";
import type { UpdateAction, UpdateResult } from "../engine/engine.ts";
import { type HeldLease, withLeases } from "../operations/lease.ts";
import type { Run } from "../operations/run.ts";
import type { RecordedStack } from "../store/records.ts";
import type { Account } from "./account.ts";
import { bucketArn, mergedPolicy, policyDigest } from "./bucket-policies.ts";
import { isOwnedKey, unmarkRetained, withRetainedKey } from "./keys.ts";
import { recordChanging, recordUp } from "./recorded-stacks.ts";
import type { Shell } from "./shell.ts";

export type Outputs = Map<string, Record<string, unknown>>;

/** How long an operation waits for a stack or a shared document that another one holds. Seconds. */
const LEASE_WAIT = 300;

export interface Work {
  shell: Shell;
  run: Run;
  account: Account;
  integration: string;
}

export const stackId = (spec: { kind: string; key: string }): string => `${spec.kind}/${spec.key}`;

/** What must be held while a stack changes: the stack, and the document it shares with others, whosoever tenants they are. */
export function leasesOf(tenant: string, spec: StackSpec): string[] {
  const own = `stack:${tenant}/${stackId(spec)}`;
  return spec.kind === "bucket-policy" ? [own, bucketArn(spec.key)] : [own];
}

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

async function updateStack(work: Work, spec: StackSpec, outputs: Outputs): Promise<Record<string, unknown>> {
  const { shell, run, account, integration } = work;
  const tenant = account.tenant.name;
  return withLeases(
    shell.store,
    { resources: leasesOf(tenant, spec), owner: shell.owner, operation: run.operation.id, waitSeconds: LEASE_WAIT, signal: run.signal },
    async (lease) => {
      const before = await recordChanging(shell, { tenant, integration }, spec);
      const resolved = resolveReferences(spec, (ref) => outputs.get(stackId(ref))?.[ref.output]);
      const actual = await asApplied(work, resolved, before);
      // The engine compares with its state, not with the cloud: after an update that didn't end well, and for a document that
      // somebody else changed since, it must look first.
      const refresh =
        before !== undefined && (before.status !== "up" || (actual.live !== undefined && actual.live !== before.outputs?.policyDigest));
      const result = await runEngine(work, "up", actual.spec, { lease, refresh });
      const made = {
        ...result.outputs,
        ...(actual.spec.kind === "bucket-policy" && { policyDigest: policyDigest(actual.spec.inputs.policy) }),
      };
      await recordUp(shell, { tenant, integration }, spec, made);
      if (isOwnedKey(actual.spec) && "adoptKeyId" in actual.spec.inputs) await unmarkRetained(work, actual.spec, made);
      await run.progress("stack-up", { stack: stackId(spec), changes: result.changes, duration: result.duration });
      return made;
    },
  );
}

/** What only the moment of the update can tell: what a shared document holds now, whether a key was left for this stack. */
async function asApplied(work: Work, spec: StackSpec, before: RecordedStack | undefined): Promise<{ spec: StackSpec; live?: string }> {
  if (spec.kind === "bucket-policy") return mergedPolicy(work, spec);
  if (isOwnedKey(spec) && before?.outputs?.keyArn === undefined) return { spec: await withRetainedKey(work, spec) };
  return { spec };
}

/** One engine update with its steps written as events. */
export async function runEngine(
  { shell, run, account }: Work,
  action: UpdateAction,
  spec: StackSpec,
  { lease, refresh }: { lease: Pick<HeldLease, "epoch" | "signal" | "recordRunner">; refresh: boolean },
): Promise<UpdateResult> {
  const { tenant } = account;
  const pending: Promise<unknown>[] = [];
  const result = await shell.engine.update(
    {
      operationId: run.operation.id,
      epoch: lease.epoch,
      action,
      spec,
      address: stackAddress(shell.stateUrl, tenant.name, spec.kind, spec.key),
      target: { accountId: tenant.accountId, region: tenant.region, credentials: account.target },
      state: { credentials: account.state },
      refresh,
      onRunner: ({ uuid }) => lease.recordRunner(uuid),
      deadlineSeconds: shell.operationSeconds,
    },
    (step) => {
      if (step.op !== "same") pending.push(run.progress("step", { stack: stackId(spec), ...step }));
    },
    lease.signal,
  );
  await Promise.all(pending);
  return result;
}
