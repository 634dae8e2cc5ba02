/** Removes a dead owner's locks from the state bucket, before the owner's lease is freed. */
import { stackAddress } from "../../stacks/name.ts";
import type { StackKind } from "../../stacks/stack.ts";
import type { Context } from "../integrations/context.ts";
import type { Lease } from "../store/leases.ts";

const stackLease = /^stack:([^/]+)\/([^/]+)\/(.+)$/;

/**
 * Removes the Pulumi locks that the dead owner's host left on the lease's stack. Leases of other resources leave no locks. The next run
 * looks for resources that the owner was creating (find-orphans.ts), because it knows the desired ones.
 *
 * @throws ProblemError not_ready while the state bucket can't be read; then the lease stays for the next round
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
