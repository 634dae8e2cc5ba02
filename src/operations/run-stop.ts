/** The one signal that stops a run, for every reason to stop. */
import { findOperation, type StoredOperation } from "../store/operations.ts";
import type { Store } from "../store/store.ts";
import { type StopReason, stopError, stronger } from "./stop-reason.ts";

export interface RunStop {
  /** Aborts with the error of the first stop. */
  readonly signal: AbortSignal;
  /** Why the run was stopped. Of several reasons, the one with the highest rank: it decides what happens to the operation. */
  readonly reason: StopReason | undefined;
  because(reason: StopReason): void;
  /** Stops the run for this reason when the signal aborts. */
  when(signal: AbortSignal, reason: StopReason): void;
}

export function createRunStop(): RunStop {
  const controller = new AbortController();
  let strongest: StopReason | undefined;
  const because = (reason: StopReason) => {
    strongest = stronger(strongest, reason);
    controller.abort(stopError(reason));
  };
  return {
    signal: controller.signal,
    get reason() {
      return strongest;
    },
    because,
    when(signal, reason) {
      if (signal.aborted) because(reason);
      else signal.addEventListener("abort", () => because(reason), { once: true });
    },
  };
}

const cancelPollMilliseconds = 2_000;

/**
 * Stops the run at the operation's deadline, and when its record says that somebody cancelled it. Call the returned function at the run's
 * end.
 */
export function watchRecord(store: Store, { id, deadlineSeconds, cancelRequested }: StoredOperation, stop: RunStop): () => void {
  if (cancelRequested) stop.because({ by: "caller" });
  const look = async () => {
    // A cancel may have reached another replica's API, which can only record it.
    const operation = await findOperation(store.db, id).catch(() => undefined);
    if (operation?.cancelRequested === true) stop.because({ by: "caller" });
  };
  const deadline = setTimeout(() => stop.because({ by: "deadline", seconds: deadlineSeconds }), deadlineSeconds * 1_000);
  const looking = setInterval(() => void look(), cancelPollMilliseconds);
  return () => {
    clearTimeout(deadline);
    clearInterval(looking);
  };
}
