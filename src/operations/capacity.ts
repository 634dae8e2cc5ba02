/**
 * Capacity for one more operation: memory for another update, and space on every disk that an update writes to. It is checked right before
 * an operation starts; until then the operation stays queued. A machine that is too small for even one update isn't stuck: if no other
 * operation runs, the operation starts after the wait.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../log.ts";
import { ProblemError } from "../problem.ts";

export interface CapacitySettings {
  /** What one update may need; 0 turns the check off */
  updateMegabytes: number;
  /** What must be free on each disk; 0 turns the check off */
  freeDiskMegabytes: number;
  /** Bytes; undefined if unknown */
  memoryLeft: () => Promise<number | undefined>;
  diskFree: () => Promise<{ folder: string; free: number }[]>;
  log: Pick<Log, "warn">;
  /** Milliseconds: how long one operation waits, the time between checks, and the time until an update's memory shows */
  waitMilliseconds?: number;
  lookEvery?: number;
  settling?: number;
}

export interface Shortage {
  of: "memory" | "disk";
  /** A sentence that anybody may read. */
  detail: string;
}

export interface Capacity {
  /**
   * Resolves when one more operation may start. Call the returned function when that operation has ended.
   *
   * @throws ProblemError storage_full, not_ready (cause `memory`) after the wait; the signal's reason
   */
  enter(signal: AbortSignal): Promise<() => void>;
  /** What is short right now. */
  shortages(): Promise<Shortage[]>;
  /** Operations that wait here. */
  waiting(): number;
}

const megabyte = 1024 * 1024;

/** One per process. An operation that started a moment ago counts as one update, because its memory doesn't show yet. */
export function createCapacity(settings: CapacitySettings): Capacity {
  const { updateMegabytes, freeDiskMegabytes, log, waitMilliseconds = 60_000, lookEvery = 1_000, settling = 15_000 } = settings;
  const inside = new Map<symbol, number>();
  let waiting = 0;

  const shortages = async (): Promise<Shortage[]> => {
    const young = [...inside.values()].filter((since) => performance.now() - since < settling).length;
    const [left, disks] = await Promise.all([settings.memoryLeft(), settings.diskFree()]);
    const full = disks.filter(({ free }) => free < freeDiskMegabytes * megabyte);
    const short: Shortage[] = full.map(({ free }) => ({
      of: "disk",
      detail: `A disk that operations write to has ${Math.floor(free / megabyte)} MB left, of ${freeDiskMegabytes} MB that must be free.`,
    }));
    if (left !== undefined && left < updateMegabytes * megabyte * (1 + young)) {
      const needed = updateMegabytes * (1 + young);
      short.push({ of: "memory", detail: `${Math.floor(left / megabyte)} MB of memory are left, of ${needed} MB for one more update.` });
    }
    return short;
  };

  const letIn = () => {
    const one = Symbol();
    inside.set(one, performance.now());
    return () => void inside.delete(one);
  };

  // One check at a time, so that two operations don't take the same capacity.
  let previous: Promise<unknown> = Promise.resolve();
  const tryNow = () => {
    const answer = previous.then(async () => {
      const short = (await shortages())[0];
      return short ? { short } : { leave: letIn() };
    });
    previous = answer.catch(() => undefined);
    return answer;
  };

  const wait = async (signal: AbortSignal): Promise<() => void> => {
    const until = performance.now() + waitMilliseconds;
    for (let told = false; ; told = true) {
      const { leave, short } = await tryNow();
      if (leave) return leave;
      if (!told) log.warn(`An operation waits: ${short.detail}`);
      if (performance.now() >= until) {
        if (short.of === "disk") throw new ProblemError("storage_full", `${short.detail} Free some; the operation stays queued.`);
        if (inside.size > 0) throw new ProblemError("not_ready", `${short.detail} The operation stays queued.`, { cause: "memory" });
        log.warn(`An operation starts without enough capacity, because no other runs: ${short.detail}`);
        return letIn();
      }
      await sleep(lookEvery, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  };

  return {
    shortages,
    waiting: () => waiting,
    async enter(signal) {
      waiting += 1;
      return wait(signal).finally(() => {
        waiting -= 1;
      });
    },
  };
}
