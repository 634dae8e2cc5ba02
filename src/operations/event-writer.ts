import { setImmediate as nextTurn } from "node:timers/promises";
import { faultFields, type Log } from "../log.ts";
import type { Db } from "../store/database/transaction.ts";
import { appendEvents, type NewEvent } from "../store/events.ts";
import { nudgeFollowers } from "./events.ts";
import { persist } from "./persist.ts";
import type { RunStop } from "./run-stop.ts";

interface Written {
  db: Db;
  log: Log;
  operation: string;
  epoch: number;
  /** Stops the run when an event can't be written. Then no further event is written. */
  stop: RunStop;
}

export interface EventWriter {
  /** Writes an event after the earlier ones. Never rejects. */
  write(event: NewEvent): Promise<void>;
  /** Resolves when every given event is written. */
  settled(): Promise<void>;
}

/** Writes one run's events in order and hands them to the followers. One statement writes all events that wait. */
export function eventWriter({ db, log, operation, epoch, stop }: Written): EventWriter {
  let waiting: NewEvent[] = [];
  let written: Promise<void> = Promise.resolve();
  const writeWaiting = async () => {
    const events = waiting;
    waiting = [];
    if (stop.reason?.by === "record") return;
    try {
      for (const one of await persist(() => appendEvents(db, operation, epoch, events))) nudgeFollowers(operation, one);
    } catch (error) {
      log.warn("An event could not be written, so the run stops", { operation, ...faultFields(error) });
      stop.because({ by: "record" });
    }
  };
  return {
    write(event) {
      waiting.push(event);
      // Events are written together if they arrive before the last write has ended, or in the same tick of the event loop.
      if (waiting.length === 1) written = written.then(() => nextTurn()).then(writeWaiting);
      return written;
    },
    settled: () => written,
  };
}
