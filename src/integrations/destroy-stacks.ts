/** Takes stacks down in reverse order, roles last, each under its own lease. */

import { stackAddress } from "../../stacks/name.ts";
import { downOrder } from "../../stacks/order.ts";
import type { StackSpec } from "../../stacks/stack.ts";
import { withLeases } from "../operations/lease.ts";
import { takeStatementsAway } from "./bucket-policies.ts";
import { isOwnedKey, markRetained } from "./keys.ts";
import { recordChanging, recordGone } from "./recorded-stacks.ts";
import { leasesOf, runEngine, stackId, type Work } from "./update-stacks.ts";

const LEASE_WAIT = 300;

/**
 * Destroys these stacks from what is recorded of them; no blueprint is needed. Inside a layer one failure doesn't stop the
 * others; a later layer waits for all of an earlier one, because roles must outlive the statements that name them.
 *
 * @throws ProblemError the first failure of a layer, after the whole layer has run
 */
export async function destroyStacks(work: Work, specs: readonly StackSpec[]): Promise<void> {
  for (const layer of downOrder(specs)) {
    const results = await Promise.allSettled(layer.map((spec) => destroyStack(work, spec)));
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }
}

async function destroyStack(work: Work, spec: StackSpec): Promise<void> {
  const { shell, run, account, integration } = work;
  const tenant = account.tenant.name;
  await withLeases(
    shell.store,
    { resources: leasesOf(tenant, spec), owner: shell.owner, operation: run.operation.id, waitSeconds: LEASE_WAIT, signal: run.signal },
    async (lease) => {
      const before = await recordChanging(shell, { tenant, integration }, spec);
      const address = before?.address ?? stackAddress(shell.stateUrl, tenant, spec.kind, spec.key);
      if (spec.kind === "bucket-policy") await takeStatementsAway(work, spec, lease);
      // A refresh first: a role to which somebody added a policy, or one that is gone already, must not stop the teardown.
      else await runEngine(work, "destroy", spec, { lease, refresh: before?.status !== "up" });
      await shell.engine.removeStack(address, account.state);
      if (isOwnedKey(spec)) await markRetained(work, spec, before?.outputs);
      await recordGone(shell, { tenant, integration }, spec);
      await run.progress("stack-gone", { stack: stackId(spec) });
    },
  );
}
