/** Who waits for a runner, first come, first served, and the runners that wait for work. */
import { abortReason } from "./interruption.ts";

export interface Line<T> {
  /** Gives what is free to the first who waits, or keeps it. */
  give(free: T): void;
  /** Something that was kept, if there is any. */
  take(): T | undefined;
  /** Waits until it is first in the line. An aborted one leaves the line. */
  wait(signal: AbortSignal | undefined): Promise<T>;
  /** Sends everybody away who waits. */
  dismiss(error: () => Error): void;
}

/** A line in which nobody waits. */
export function createLine<T>(): Line<T> {
  const idle: T[] = [];
  const waiting: { resolve: (free: T) => void; reject: (error: Error) => void }[] = [];
  return {
    give(free) {
      const next = waiting.shift();
      if (next) next.resolve(free);
      else idle.push(free);
    },
    take: () => idle.shift(),
    wait: (signal) =>
      new Promise((resolve, reject) => {
        const place = { resolve, reject };
        waiting.push(place);
        const leave = () => {
          if (waiting.includes(place)) waiting.splice(waiting.indexOf(place), 1);
          reject(abortReason(signal));
        };
        signal?.addEventListener("abort", leave, { once: true });
      }),
    dismiss(error) {
      for (const { reject } of waiting.splice(0)) reject(error());
    },
  };
}
