/** Takes stacks down in reverse order, roles last, each under its own lease and read back before it counts as gone. */
import { setTimeout as sleep } from "node:timers/promises";
import { stackAddress } from "../../../stacks/name.ts";
import { downOrder } from "../../../stacks/order.ts";
import type { StackSpec } from "../../../stacks/stack.ts";
import { revokeGrant } from "../../accounts/actions.ts";
import { findNamedRole, namedGrants, type Owner, type OwnRole, ownedRole, stackSurvivors } from "../../accounts/inventory.ts";
import type { RecordedStack } from "../../model/integration.ts";
import { type HeldLease, withLeases } from "../../operations/lease.ts";
import { ProblemError } from "../../problem.ts";
import { findIntegration } from "../../store/integrations.ts";
import { bareRole, begun, LEASE_WAIT, leasesOf, runEngine, stackId, type Work } from "../work.ts";
import { takeStatementsAway } from "./bucket-policies.ts";
import { roleToFind } from "./contain.ts";
import { takeKeyStatementsAway } from "./key-policies.ts";
import { isOwnedKey } from "./keys.ts";
import { patiently } from "./patience.ts";
import { recordChanging, recordGone } from "./recorded-stacks.ts";
import { type Found, keysOfStack, lookBefore, retain } from "./unrecorded.ts";

/** Milliseconds between looks whether a stack is really gone: IAM is eventually consistent. */
const LOOKS = [0, 500, 1_000, 2_000, 4_000];

/**
 * Destroys these stacks from what is recorded of them; no blueprint is needed. Inside a layer one failure doesn't stop the
 * others; a later layer waits for all of an earlier one, because roles must outlive the statements that name them. A stack stays
 * in the record until an independent look finds nothing of it.
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
  const { shell, run, account } = work;
  const tenant = account.tenant.name;
  await withLeases(
    shell.store,
    { resources: leasesOf(tenant, spec), owner: shell.owner, operation: run.operation.id, waitSeconds: LEASE_WAIT, signal: run.signal },
    async (lease) => {
      const { before } = await recordChanging(work, spec);
      const address = before?.address ?? stackAddress(shell.stateUrl, tenant, spec.kind, spec.key);
      await patiently(run, stackId(spec), async (attempt) => {
        const found = await lookBefore(work, spec, before ?? begun(work, spec));
        const isLeft = await isForeign(work, spec, before);
        if (isLeft) await run.progress("role-left", { stack: stackId(spec) });
        else await takeDown(work, spec, { lease, before, found, refresh: attempt > 1 || found.restored || before?.status !== "up" });
        await shell.engine.removeStack(address, account.state, { withResources: isLeft });
      });
      if (isOwnedKey(spec)) await retain(work, spec, await keysOfStack(work, spec.key), "Deleting a key destroys what it encrypted.");
      await readBack(work, spec);
      await recordGone(work, spec);
      await run.progress("stack-gone", { stack: stackId(spec) });
    },
  );
}

interface Moment {
  lease: HeldLease;
  before: RecordedStack | undefined;
  found: Found;
  /** A refresh first: a role to which somebody added a policy, or one that is gone already, must not stop the teardown. */
  refresh: boolean;
}

async function takeDown(work: Work, spec: StackSpec, { lease, before, found, refresh }: Moment): Promise<void> {
  const { adopt, state } = found;
  if (spec.kind === "bucket-policy") await takeStatementsAway(work, spec, lease);
  // Grants aren't taken in: what an interrupted run granted is found by its name and revoked.
  if (spec.kind === "kms-key" && "existingKeyArn" in spec.inputs) {
    const owner = await ownerWithRoles(work);
    const { existingKeyArn } = spec.inputs;
    const prior = before?.outputs?.["priorPolicy"];
    if (spec.inputs.statements) await takeKeyStatementsAway(work, spec.inputs, typeof prior === "string" ? prior : undefined);
    for (const { id } of await namedGrants(work.account.clients, spec.inputs, owner))
      await revokeGrant(work.account.clients.kms, existingKeyArn, id);
    await runEngine(work, "destroy", spec, { lease, refresh: true });
    return;
  }
  // A key that only this run would take in is left as it is: it stays behind in any case.
  const { key: _key, ...others } = adopt;
  const isKeyHeld = state?.resources.some(({ name }) => name === "key") === true;
  if (state === undefined && Object.keys(adopt).length === 0) return;
  const taken = isOwnedKey(spec) ? (isKeyHeld ? others : adopt.alias === undefined ? {} : adopt) : adopt;
  await runEngine(work, "destroy", bareRole(spec), { lease, refresh: spec.kind === "bucket-policy" ? false : refresh, adopt: taken });
}

/**
 * Whether the role of this name is somebody else's: ours was deleted by hand and another was made under its name. The engine knows a role
 * by its name alone and would delete that one; the stack's state is let go of instead.
 */
async function isForeign({ account, integration }: Work, spec: StackSpec, before: RecordedStack | undefined): Promise<boolean> {
  if (spec.kind !== "role") return false;
  const { clients, tenant } = account;
  const named = await findNamedRole(clients.iam, roleToFind(spec.inputs.name, before?.outputs), { tenant, integration });
  return named.standing === "foreign";
}

/** The integration with its roles, whose grants are its own: they go last, so they are still recorded. */
async function ownerWithRoles({ shell, account, integration }: Work): Promise<Owner & { roles: OwnRole[] }> {
  const { tenant, clients } = account;
  const record = await findIntegration(shell.store.db, tenant.name, integration);
  const roles = (record?.stacks ?? []).map(async ({ spec, outputs }): Promise<OwnRole[]> => {
    if (spec.kind !== "role") return [];
    const { roleArn, roleId } = outputs ?? {};
    if (typeof roleArn === "string") return [{ arn: roleArn, ...(typeof roleId === "string" && { uniqueId: roleId }) }];
    const made = await ownedRole(clients.iam, spec.inputs.name, { tenant, integration });
    return made ? [made] : [];
  });
  return { tenant, integration, roles: (await Promise.all(roles)).flat() };
}

/** @throws ProblemError leftovers, naming what is there */
async function readBack(work: Work, spec: StackSpec): Promise<void> {
  const { account, run } = work;
  const owner = await ownerWithRoles(work);
  let left: string[] = [];
  for (const pause of LOOKS) {
    await sleep(pause, undefined, { signal: run.signal }).catch(() => run.signal.throwIfAborted());
    left = await stackSurvivors(account.clients, owner, spec);
    if (left.length === 0) return;
  }
  throw new ProblemError(
    "leftovers",
    `Still there after the teardown of ${stackId(spec)}: ${left.join(", ")}. It stays recorded. Run DELETE again; if it stays, remove it by hand.`,
  );
}
