/**
 * The freeze: one call begins it, another ends it, and between them nothing is written to AWS. It is a row, so that every replica sees it:
 * before each job and each direct write, and once a second for updates that run. A running update is interrupted at once, gets two seconds
 * to save its state, and is ended. Its operation is given back to the queue and continues after the freeze.
 */
import { faultFields, type Log } from "../log.ts";
import { ProblemError } from "../problem.ts";
import { clearFreeze, type FreezeRecord, findFreeze, saveFreeze } from "../store/freeze.ts";
import { findLeases } from "../store/leases.ts";
import type { Store } from "../store/store.ts";
import type { Killing } from "./cancel.ts";
import type { JobHandler, Queue } from "./queue/queue.ts";

const lookEvery = 1_000;
/**
 * Milliseconds for interrupted updates to end by themselves, then from SIGTERM to SIGKILL. 1 + 2 + 1 s is below the 5 s that we promise.
 */
const ownEnd = 2_000;
const killGrace = 1_000;

export interface Freeze {
  /** The freeze as this process last saw it. */
  seen(): FreezeRecord | undefined;
  /** Reads the freeze now. If it began or ended, this stops or resumes the process's work. */
  look(): Promise<FreezeRecord | undefined>;
  /** Begins a freeze. If one is in force, it stays as it is. */
  begin(asked: { reason: string; requestedBy: string }): Promise<FreezeRecord>;
  end(): Promise<void>;
  /** Looks every second until the signal aborts. Call it after the queue has started. */
  keepLooking(signal: AbortSignal): void;
}

interface Parts {
  store: Store;
  queue: Pick<Queue, "pause" | "resume" | "interrupt">;
  log: Log;
  killing: Killing;
  /** This process, as leases name it */
  owner: string;
}

/** Reads nothing yet: the first look tells whether there is a freeze. */
export function createFreeze({ store, queue, log, killing, owner }: Parts): Freeze {
  let seen: FreezeRecord | undefined;

  const endUpdates = async () => {
    const leases = (await findLeases(store.db)).filter((lease) => lease.owner === owner);
    const kill = ({ operation, epoch }: { operation: string; epoch: number }) =>
      killing.killByMarker({ operation: `${operation}-${epoch}` }, { graceMs: killGrace });
    await Promise.all(leases.map(kill));
  };

  const stop = () => {
    log.warn("Frozen: running operations are given back, no new one begins, nothing is written to AWS");
    queue.pause().catch((error: unknown) => log.error("The queue could not be paused", faultFields(error)));
    queue.interrupt();
    setTimeout(() => {
      if (seen) endUpdates().catch((error: unknown) => log.error("Updates could not be ended for the freeze", faultFields(error)));
    }, ownEnd).unref();
  };

  const look = async () => {
    const now = await findFreeze(store.db);
    const before = seen;
    seen = now;
    if (now && !before) stop();
    if (!now && before) {
      log.warn("The freeze is over");
      await queue.resume();
    }
    return now;
  };

  return {
    seen: () => seen,
    async begin(asked) {
      await saveFreeze(store.db, asked);
      const frozen = await look();
      if (!frozen) throw new Error("the freeze ended while it began");
      return frozen;
    },
    async end() {
      await clearFreeze(store.db);
      await look();
    },
    look,
    keepLooking(signal) {
      const timer = setInterval(() => {
        look().catch((error: unknown) => log.warn("The freeze could not be looked up", faultFields(error)));
      }, lookEvery);
      signal.addEventListener("abort", () => clearInterval(timer), { once: true });
    },
  };
}

/** Wraps a queue's handler: a job that is taken during a freeze goes back to the queue. */
export function unlessFrozen(isFrozen: () => Promise<boolean>, run: JobHandler): JobHandler {
  return async (operationId, signal) => {
    if (await isFrozen()) throw new ProblemError("frozen", "Everything is frozen: the operation stays queued.");
    await run(operationId, signal);
  };
}
