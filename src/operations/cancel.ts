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
  /** A run begins: this is how to stop it. */
  open(operationId: string, stop: Pick<RunStop, "because">): void;
  close(operationId: string): void;
  /** Stops the run, if it is one of this process. */
  cancel(operationId: string): void;
}

/** An empty registry. */
export function createCancelRegistry(): CancelRegistry {
  const runs = new Map<string, Pick<RunStop, "because">>();
  return {
    open: (operationId, stop) => void runs.set(operationId, stop),
    close: (operationId) => void runs.delete(operationId),
    cancel: (operationId) => runs.get(operationId)?.because({ by: "caller" }),
  };
}

/**
 * Cancels an operation and those that it started: a waiting one at once; a running one is asked to stop and ends by itself, in this
 * process now and in another within seconds. One that has ended stays as it is.
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
  // The parent first, so that it starts no more of them.
  for (const child of await childrenOf(store.db, id)) await cancelOne(store, registry, child.id);
  return cancelled;
}

/** A teardown or a revocation takes access away: who can't start one can't keep the access open by ending it. */
function refuseLesser(caller: Caller, operations: readonly Pick<StoredOperation, "kind">[]): void {
  const lesser = operations.find(({ kind }) => !holdsScope(caller, startingScope[kind]));
  if (lesser)
    throw new ProblemError("forbidden", `To cancel an operation of kind ${lesser.kind} needs the scope ${startingScope[lesser.kind]}.`);
}

async function cancelOne(store: Store, registry: CancelRegistry, id: string): Promise<StoredOperation> {
  // Between the two changes it may have started, or been given back: then the other one applies.
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

/** What `force` needs to know of this host. */
export interface Killing {
  host: string;
  killByMarker(marker: { operation: string }, options: { graceMs: number }): Promise<unknown>;
}

/** Milliseconds that a forced cancel still gives the update to end by itself, which it mostly does at once. */
const forcedGrace = 3_000;

/**
 * Ends what a cancelled operation still has running on this host: each update's processes, plugins included, get SIGTERM, 3 s, then
 * SIGKILL. What a killed call did in AWS is found and taken in by the next run. Elsewhere the plain cancel goes its way.
 */
export async function forceEnd(store: Store, operation: string, { host, killByMarker }: Killing): Promise<void> {
  const leases = (await findLeases(store.db)).filter((lease) => lease.operation === operation && lease.host === host);
  await Promise.all(leases.map(({ epoch }) => killByMarker({ operation: `${operation}-${epoch}` }, { graceMs: forcedGrace })));
}
