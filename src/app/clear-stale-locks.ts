/** Clears a dead owner's locks in the state bucket. This happens before its lease is freed. */
import { stackAddress } from "../../stacks/name.ts";
import type { StackKind } from "../../stacks/stack.ts";
import type { Context } from "../integrations/context.ts";
import type { Lease } from "../store/leases.ts";

const stackLease = /^stack:([^/]+)\/([^/]+)\/(.+)$/;

/**
 * Removes the Pulumi locks that the dead owner's host left on the lease's stack; leases of other things leave none. What it was
 * creating is looked up by the next run (find-orphans.ts), which is the one that knows what it wants.
 *
 * @throws ProblemError not_ready while the state bucket can't be read: then the lease stays for the next round
 */
export function clearingStaleLocks(context: Pick<Context, "engine" | "sts" | "stateUrl" | "log">): (lease: Lease) => Promise<void> {
  return async ({ resource, host, operation }) => {
    const [, tenant, kind, key] = stackLease.exec(resource) ?? [];
    if (tenant === undefined || kind === undefined || key === undefined) return;
    const credentials = await context.sts.stateCredentials(tenant, operation);
    const address = stackAddress(context.stateUrl, tenant, kind as StackKind, key);
    const count = await context.engine.clearLocks(address, credentials, host);
    if (count > 0) context.log.info("Removed a dead owner's lock from a stack", { operation, count });
  };
}
