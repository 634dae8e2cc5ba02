import { EventEmitter, once } from "node:events";
import { stateAndEvents } from "../store/events.ts";
import type { Store } from "../store/store.ts";
import { isTerminal, type OperationEvent } from "./operation.ts";

const batch = 500;
const pollMilliseconds = 1_000;

// Only a hint that saves the wait for the next poll; the rows are the truth, and another replica's come by polling.
const nudges = new EventEmitter().setMaxListeners(0);

/** Tells followers in this process that the operation has a new event; call it after the commit. */
export function nudgeFollowers(operationId: string): void {
  nudges.emit(operationId);
}

/** The operation's events after `after`, those to come included, until it has ended or the signal aborts. */
export async function* followEvents(store: Store, operationId: string, after: number, signal: AbortSignal): AsyncGenerator<OperationEvent> {
  let seq = after;
  while (!signal.aborted) {
    const waiting = new AbortController();
    const nudged = nextNudge(operationId, AbortSignal.any([signal, waiting.signal]));
    try {
      const found = await stateAndEvents(store.db, operationId, seq, batch);
      if (found === undefined) return;
      for (const event of found.events) {
        seq = event.seq;
        yield event;
      }
      if (found.events.length === batch) continue;
      if (isTerminal(found.state)) return;
      await nudged;
    } finally {
      waiting.abort();
    }
  }
}

/** Resolves at the next nudge, after the poll interval, or when the signal aborts. */
async function nextNudge(operationId: string, signal: AbortSignal): Promise<void> {
  await once(nudges, operationId, { signal: AbortSignal.any([signal, AbortSignal.timeout(pollMilliseconds)]) }).catch(() => undefined);
}
