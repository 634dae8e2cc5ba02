/** The one signal that stops a run, for every reason to stop. */
import { findOperation, type StoredOperation } from "../store/operations.ts";
import type { Store } from "../store/store.ts";
import { type StopReason, stopError, stronger } from "./stop-reason.ts";

export interface RunStop {
  /** Aborted with the error of the first stop. */
  readonly signal: AbortSignal;
  /** Why the run was stopped: of several reasons the one that decides what becomes of the operation. */
  readonly reason: StopReason | undefined;
  because(reason: StopReason): void;
  /** Stops the run for this reason once the signal is aborted. */
  when(signal: AbortSignal, reason: StopReason): void;
}

/** The stop of a run that begins. */
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

/** Stops the run at the operation's deadline, and when its record says that somebody cancelled it; call what it answers at the run's end. */
export function watchRecord(store: Store, { id, deadlineSeconds, cancelRequested }: StoredOperation, stop: RunStop): () => void {
  if (cancelRequested) stop.because({ by: "caller" });
  const look = async () => {
    // Another replica's API may have been asked to cancel: it can only write it down.
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
