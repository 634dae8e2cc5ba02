/** What is cleared in the state bucket once an owner is proven dead, before its lease is freed. */
import { stackAddress } from "../../stacks/name.ts";
import type { StackKind } from "../../stacks/stack.ts";
import type { Shell } from "../integrations/shell.ts";
import type { Lease } from "../store/leases.ts";

const stackLease = /^stack:([^/]+)\/([^/]+)\/(.+)$/;

/**
 * Removes the Pulumi locks that the dead owner's host left on the lease's stack; leases of other things leave none. What it was
 * creating is looked up by the next run (unrecorded.ts), which is the one that knows what it wants.
 *
 * @throws ProblemError not_ready while the state bucket can't be read: then the lease stays for the next round
 */
export function afterDeathOver(shell: Pick<Shell, "engine" | "sts" | "stateUrl" | "log">): (lease: Lease) => Promise<void> {
  return async ({ resource, host, operation }) => {
    const [, tenant, kind, key] = stackLease.exec(resource) ?? [];
    if (tenant === undefined || kind === undefined || key === undefined) return;
    const credentials = await shell.sts.stateCredentials(tenant, operation);
    const address = stackAddress(shell.stateUrl, tenant, kind as StackKind, key);
    const count = await shell.engine.clearLocks(address, credentials, host);
    if (count > 0) shell.log.info("Removed a dead owner's lock from a stack", { operation, count });
  };
}
