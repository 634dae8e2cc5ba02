import { EventEmitter, once } from "node:events";
import { isTerminal, type OperationEvent } from "../model/operation.ts";
import { stateAndEvents } from "../store/events.ts";
import type { Store } from "../store/store.ts";

const batch = 500;
/** A PGlite's only process mostly tells its followers itself; another replica's events come by polling alone. */
const pollMilliseconds = { pglite: 3_000, postgresql: 1_000 } as const;
/** Events that are kept for a follower who is busy with the ones before */
const mostTold = 32;

// Saves the wait for the next poll, and mostly the look; the rows are the truth, and another replica's come by polling.
const nudges = new EventEmitter<Record<string, [OperationEvent?]>>().setMaxListeners(0);

/** Tells followers in this process that the operation has a new event, and which; call it after the commit. */
export function nudgeFollowers(operationId: string, written?: OperationEvent): void {
  nudges.emit(operationId, written);
}

/** The operation's events after `after`, those to come included, until it has ended or the signal aborts. */
export async function* followEvents(store: Store, operationId: string, after: number, signal: AbortSignal): AsyncGenerator<OperationEvent> {
  let seq = after;
  const heard = listen(operationId, signal, pollMilliseconds[store.kind]);
  try {
    while (!signal.aborted) {
      const told = heard.since(seq);
      const found = told ? { events: told } : await stateAndEvents(store.db, operationId, seq, batch);
      if (found === undefined) return;
      for (const event of found.events) {
        seq = event.seq;
        yield event;
      }
      if (found.events.length === batch) continue;
      if ("state" in found && isTerminal(found.state)) return;
      await heard.more();
    }
  } finally {
    heard.stop();
  }
}

interface Heard {
  /** The events right after `seq` that were told of since the last call; undefined where the store has to be asked. */
  since(seq: number): OperationEvent[] | undefined;
  /** Resolves when there is more, after the poll interval, or when the signal aborts. */
  more(): Promise<void>;
  stop(): void;
}

function listen(operationId: string, signal: AbortSignal, poll: number): Heard {
  let told: (OperationEvent | undefined)[] = [];
  const hear = (written?: OperationEvent) => {
    // A follower that reads slowly asks the store, so that nothing piles up here.
    told = told.length < mostTold ? [...told, written] : [undefined];
  };
  nudges.on(operationId, hear);
  return {
    since(seq) {
      const all = told;
      told = [];
      if (all.length === 0) return undefined;
      // The store may have had events before we were told of them: those are known.
      const next = all.filter((event) => event === undefined || event.seq > seq);
      return next.every((event, nth) => event?.seq === seq + 1 + nth) ? (next as OperationEvent[]) : undefined;
    },
    async more() {
      if (told.length > 0) return;
      await once(nudges, operationId, { signal: AbortSignal.any([signal, AbortSignal.timeout(poll)]) }).catch(() => undefined);
    },
    stop: () => void nudges.off(operationId, hear),
  };
}
