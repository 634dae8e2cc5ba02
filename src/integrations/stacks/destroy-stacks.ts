/** Destroys stacks in reverse order, roles last. Each is under its own lease, and counts as gone only after a read-back. */
import { setTimeout as sleep } from "node:timers/promises";
import { stackAddress } from "../../../stacks/name.ts";
import { downOrder } from "../../../stacks/order.ts";
import type { StackSpec } from "../../../stacks/stack.ts";
import { type OwnRole, ownedRole } from "../../accounts/inventory.ts";
import { withLeases } from "../../operations/lease.ts";
import { ProblemError } from "../../problem.ts";
import { findIntegration } from "../../store/integrations.ts";
import { begun, LEASE_WAIT, stackId, type Work } from "../work.ts";
import { findOrphans } from "./find-orphans.ts";
import { leasesOf, rulesOf } from "./kinds.ts";
import { recordChanging, recordGone } from "./recorded-stacks.ts";
import { withRetries } from "./retry.ts";
import { recordedRoleId } from "./role.ts";
import type { OwnerWithRoles } from "./stack-rules.ts";

/** Milliseconds before each check that a stack is really gone: IAM is eventually consistent. */
const LOOKS = [0, 500, 1_000, 2_000, 4_000];

/**
 * Destroys these stacks from their records; no blueprint is needed. In a layer, one failure doesn't stop the others. A later layer needs
 * all earlier ones, because roles must outlive the statements that name them. A stack stays in the record until an independent read finds
 * nothing of it.
 *
 * @throws ProblemError the first failure of a layer, after the whole layer has run; leftovers
 */
export async function destroyStacks(work: Work, specs: readonly StackSpec[]): Promise<void> {
  for (const layer of downOrder(specs)) {
    const results = await Promise.allSettled(layer.map((spec) => destroyStack(work, spec)));
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }
}

async function destroyStack(work: Work, spec: StackSpec): Promise<void> {
  const { context, run, account } = work;
  const tenant = account.tenant.name;
  const rules = rulesOf(spec);
  const lease = {
    resources: leasesOf(tenant, spec),
    owner: context.owner,
    operation: run.operation.id,
    waitSeconds: LEASE_WAIT,
    signal: run.signal,
  };
  await withLeases(context.store, lease, async (held) => {
    const { before } = await recordChanging(work, spec);
    const address = before?.address ?? stackAddress(context.stateUrl, tenant, spec.kind, spec.key);
    await withRetries(run, stackId(spec), async (attempt) => {
      const found = await findOrphans(work, spec, before ?? begun(work, spec));
      const refresh = attempt > 1 || found.restored || before?.status !== "up";
      const end = await rules.remove(work, { lease: held, before, found, refresh, owner: () => ownerWithRoles(work) });
      await context.engine.removeStack(address, account.state, { withResources: end === "left" });
    });
    await rules.afterRemoval(work);
    await readBack(work, spec);
    await recordGone(work, spec);
    await run.progress("stack-gone", { stack: stackId(spec) });
  });
}

/** The integration with its roles; the grants to these roles are its own. Roles are destroyed last, so they are still recorded. */
async function ownerWithRoles({ context, account, integration }: Work): Promise<OwnerWithRoles> {
  const { tenant, clients } = account;
  const record = await findIntegration(context.store.db, tenant.name, integration);
  const roles = (record?.stacks ?? []).map(async ({ spec, outputs }): Promise<OwnRole[]> => {
    const { role } = rulesOf(spec);
    if (role === undefined) return [];
    const arn = outputs?.["roleArn"];
    if (typeof arn === "string") return [{ arn, ...recordedRoleId(outputs) }];
    const made = await ownedRole(clients.iam, role.name, { tenant, integration });
    return made ? [made] : [];
  });
  return { tenant, integration, roles: (await Promise.all(roles)).flat() };
}

/** @throws ProblemError leftovers, naming what is there */
async function readBack(work: Work, spec: StackSpec): Promise<void> {
  const { run } = work;
  const owner = await ownerWithRoles(work);
  let left: string[] = [];
  for (const pause of LOOKS) {
    await sleep(pause, undefined, { signal: run.signal }).catch(() => run.signal.throwIfAborted());
    left = await rulesOf(spec).survivors(work, owner);
    if (left.length === 0) return;
  }
  throw new ProblemError(
    "leftovers",
    `Still there after the teardown of ${stackId(spec)}: ${left.join(", ")}. It stays recorded. Run DELETE again; if it stays, remove it by hand.`,
  );
}
