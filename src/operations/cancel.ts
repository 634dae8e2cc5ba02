import { type Caller, holdsScope } from "../model/caller.ts";
import { isTerminal, startingScope } from "../model/operation.ts";
import { ProblemError } from "../problem.ts";
import { findLeases } from "../store/leases.ts";
import { childrenOf, findOperation, type StoredOperation } from "../store/operations.ts";
import type { Store } from "../store/store.ts";
import { cancelWaiting, requestCancel } from "../store/transitions.ts";
import { nudgeFollowers } from "./events.ts";
import type { RunStop } from "./run-stop.ts";

/** The runs of this process, by operation. */
export interface CancelRegistry {
  /** Registers a run that begins, and how to stop it. */
  open(operationId: string, stop: Pick<RunStop, "because">): void;
  close(operationId: string): void;
  /** Stops the run if it belongs to this process. */
  cancel(operationId: string): void;
}

export function createCancelRegistry(): CancelRegistry {
  const runs = new Map<string, Pick<RunStop, "because">>();
  return {
    open: (operationId, stop) => void runs.set(operationId, stop),
    close: (operationId) => void runs.delete(operationId),
    cancel: (operationId) => runs.get(operationId)?.because({ by: "caller" }),
  };
}

/**
 * Cancels an operation and its children. A waiting operation ends at once. A running one is asked to stop and ends by itself: now in this
 * process, within seconds in another. An operation that has ended stays as it is.
 *
 * @throws ProblemError not_found when there is none; forbidden when the caller couldn't start one of them
 */
export async function cancelOperation(
  store: Store,
  registry: CancelRegistry,
  { id, caller }: { id: string; caller: Caller },
): Promise<StoredOperation> {
  const operation = await findOperation(store.db, id);
  if (operation === undefined) throw new ProblemError("not_found", "There is no such operation.");
  const open = [operation, ...(await childrenOf(store.db, id))].filter(({ state }) => !isTerminal(state));
  refuseLesser(caller, open);
  const cancelled = await cancelOne(store, registry, id);
  // Cancel the parent first, so that it starts no more children.
  for (const child of await childrenOf(store.db, id)) await cancelOne(store, registry, child.id);
  return cancelled;
}

/** A teardown or a revocation takes access away. A caller that may not start it must not keep the access open by cancelling it. */
function refuseLesser(caller: Caller, operations: readonly Pick<StoredOperation, "kind">[]): void {
  const lesser = operations.find(({ kind }) => !holdsScope(caller, startingScope[kind]));
  if (lesser)
    throw new ProblemError("forbidden", `To cancel an operation of kind ${lesser.kind} needs the scope ${startingScope[lesser.kind]}.`);
}

async function cancelOne(store: Store, registry: CancelRegistry, id: string): Promise<StoredOperation> {
  // Between the two updates the operation may start or be given back. Then the other update applies in the next round.
  for (let look = 0; look < 3; look++) {
    const changed = (await cancelWaiting(store.db, id)) ?? (await requestCancel(store.db, id));
    if (changed === undefined) continue;
    registry.cancel(id);
    nudgeFollowers(id);
    return changed;
  }
  const operation = await findOperation(store.db, id);
  if (operation === undefined) throw new ProblemError("not_found", "There is no such operation.");
  return operation;
}

/** What `force` needs to know about this host. */
export interface Killing {
  host: string;
  killByMarker(marker: { operation: string }, options: { graceMs: number }): Promise<unknown>;
}

/** In a forced cancel, the update still gets this many milliseconds to end by itself. Usually it ends at once. */
const forcedGrace = 3_000;

/**
 * Ends the processes that a cancelled operation still has on this host. Each update's processes, plugins included, get SIGTERM, 3 s, then
 * SIGKILL. The next run finds what a killed call did in AWS and takes it in. On other hosts only the plain cancel applies.
 */
export async function forceEnd(store: Store, operation: string, { host, killByMarker }: Killing): Promise<void> {
  const leases = (await findLeases(store.db)).filter((lease) => lease.operation === operation && lease.host === host);
  await Promise.all(leases.map(({ epoch }) => killByMarker({ operation: `${operation}-${epoch}` }, { graceMs: forcedGrace })));
}
