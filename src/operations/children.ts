/** Children: operations that a running operation started. They are recorded as its own and followed until each has ended. */
import { setTimeout as sleep } from "node:timers/promises";
import { isTerminal, type OperationState } from "../model/operation.ts";
import { adoptChild, type ChildState, statesOf } from "../store/reconcile-reads.ts";
import type { Store } from "../store/store.ts";
import type { Run } from "./run.ts";

const lookMilliseconds = 500;

/** Records an operation as a child of this run: it is shown and cancelled together with the run's operation. */
export async function noteChild({ store }: { store: Pick<Store, "db"> }, run: Run, child: string): Promise<void> {
  await adoptChild(store.db, child, run.operation.id);
}

interface Following {
  /** Which states count as an end here. */
  isEnd?: (state: OperationState) => boolean;
  /** Called once for each child that has ended. Returns the data of the run's event. */
  onEnd?: (child: ChildState) => Record<string, unknown>;
}

/**
 * Waits until these operations have ended. Returns their states in the order of `ids`.
 *
 * @throws the signal's reason when the run must stop
 */
export async function followChildren(
  { store }: { store: Pick<Store, "db"> },
  run: Run,
  ids: readonly string[],
  { isEnd = isTerminal, onEnd = wordsOf }: Following = {},
): Promise<ChildState[]> {
  const ended = new Map<string, ChildState>();
  for (let waiting = ids; waiting.length > 0; ) {
    for (const child of await statesOf(store.db, waiting)) {
      if (!isEnd(child.state)) continue;
      ended.set(child.id, child);
      await run.progress("child-ended", onEnd(child));
    }
    waiting = waiting.filter((id) => !ended.has(id));
    if (waiting.length > 0) await sleep(lookMilliseconds, undefined, { signal: run.signal }).catch(() => run.signal.throwIfAborted());
  }
  return ids.flatMap((id) => ended.get(id) ?? []);
}

const wordsOf = ({ id, tenant, integration, state, error }: ChildState): Record<string, unknown> => ({
  operation: id,
  tenant,
  integration,
  state,
  ...(error && { code: error.code }),
});
