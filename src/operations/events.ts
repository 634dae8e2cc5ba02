import { EventEmitter, once } from "node:events";
import { isTerminal, type OperationEvent } from "../model/operation.ts";
import { stateAndEvents } from "../store/events.ts";
import type { Store } from "../store/store.ts";

const batch = 500;
/** PGlite has only one process, which usually tells its followers itself. In PostgreSQL, only polling finds another replica's events. */
const pollMilliseconds = { pglite: 3_000, postgresql: 1_000 } as const;
/** How many events are kept for a follower that is still busy with earlier ones */
const mostTold = 32;

// Saves followers the wait for the next poll, and usually the read. The rows are authoritative, and only polling finds another replica's.
const nudges = new EventEmitter<Record<string, [OperationEvent?]>>().setMaxListeners(0);

/** Tells followers in this process that the operation has a new event, and which one if it is given. Call it after the commit. */
export function nudgeFollowers(operationId: string, written?: OperationEvent): void {
  nudges.emit(operationId, written);
}

/** Yields the operation's events after `after`, future ones too, until the operation has ended or the signal aborts. */
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
  /** The events right after `seq` that were announced since the last call; undefined if the store must be read. */
  since(seq: number): OperationEvent[] | undefined;
  /** Resolves when there is more, after the poll interval, or when the signal aborts. */
  more(): Promise<void>;
  stop(): void;
}

function listen(operationId: string, signal: AbortSignal, poll: number): Heard {
  let told: (OperationEvent | undefined)[] = [];
  const hear = (written?: OperationEvent) => {
    // A slow follower reads from the store instead, so that this list stays short.
    told = told.length < mostTold ? [...told, written] : [undefined];
  };
  nudges.on(operationId, hear);
  return {
    since(seq) {
      const all = told;
      told = [];
      if (all.length === 0) return undefined;
      // The store may have returned events before they were announced: the follower knows those.
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
