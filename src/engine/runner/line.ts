/** The callers that wait for a runner, first come, first served, and the runners that wait for work. */
import { abortReason } from "./interruption.ts";

export interface Line<T> {
  /** Gives a free item to the first caller in the line, or keeps it. */
  give(free: T): void;
  /** An item that was kept, if there is one. */
  take(): T | undefined;
  /** Resolves with an item when the caller is first in the line. Leaves the line when the signal aborts. */
  wait(signal: AbortSignal | undefined): Promise<T>;
  /** Rejects for all callers in the line. */
  dismiss(error: () => Error): void;
}

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
