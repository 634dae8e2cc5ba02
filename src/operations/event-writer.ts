import { setImmediate as nextTurn } from "node:timers/promises";
import { faultFields, type Log } from "../log.ts";
import { ProblemError } from "../problem.ts";
import type { Db } from "../store/database/transaction.ts";
import { appendEvents, type NewEvent } from "../store/events.ts";
import { nudgeFollowers } from "./events.ts";
import { persist } from "./persist.ts";

interface Written {
  db: Db;
  log: Log;
  operation: string;
  epoch: number;
  /** Aborted when an event can't be written: the run is to stop. */
  unwritable: AbortController;
}

export interface EventWriter {
  /** Writes an event after those before it; never rejects. */
  write(event: NewEvent): Promise<void>;
  /** Resolves when every event that was given is written. */
  settled(): Promise<void>;
}

/** Writes one run's events in order and hands them to the followers; those that come together go by one statement. */
export function eventWriter({ db, log, operation, epoch, unwritable }: Written): EventWriter {
  let waiting: NewEvent[] = [];
  let written: Promise<void> = Promise.resolve();
  const writeWaiting = async () => {
    const events = waiting;
    waiting = [];
    if (unwritable.signal.aborted) return;
    try {
      for (const one of await persist(() => appendEvents(db, operation, epoch, events))) nudgeFollowers(operation, one);
    } catch (error) {
      log.warn("An event could not be written, so the run stops", { operation, ...faultFields(error) });
      unwritable.abort(new ProblemError("operation_interrupted", "The run's progress could not be recorded.", { cause: "unwritable" }));
    }
  };
  return {
    write(event) {
      waiting.push(event);
      // What is said before the last write has ended, or in the same turn of the event loop, goes together.
      if (waiting.length === 1) written = written.then(() => nextTurn()).then(writeWaiting);
      return written;
    },
    settled: () => written,
  };
}
