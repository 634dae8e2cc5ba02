/** Retries: which failures end by themselves, how many tries there are, and how long to wait. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Run } from "../../operations/run.ts";
import { type Problem, type ProblemCode, problemOf } from "../../problem.ts";

interface RetryPolicy {
  /** Tries in all */
  tries: number;
  /** Milliseconds before the second try; it doubles from there */
  pause: number;
}

/** Throttling needs long pauses. A runner that died needs only a short one. */
const retryPolicies: Partial<Record<ProblemCode, RetryPolicy>> = {
  aws_throttled: { tries: 5, pause: 1_000 },
  not_ready: { tries: 5, pause: 1_000 },
  stack_locked: { tries: 4, pause: 500 },
  update_unknown: { tries: 3, pause: 200 },
  operation_interrupted: { tries: 3, pause: 200 },
  // An error that we don't know: one more try, with a refresh first.
  update_failed: { tries: 2, pause: 500 },
  // After a lost reply, the caller's second create finds what the first one made. The next try takes it in if it is ours.
  role_name_taken: { tries: 2, pause: 200 },
};

/**
 * A policy that names a role which was just made. IAM is eventually consistent: parts of it don't know the role yet and call the policy
 * malformed (IAM user guide, "Changes that I make are not always immediately visible"). The plugin also waits for that. A wrong principal
 * costs these additional tries.
 */
const propagation: RetryPolicy = { tries: 4, pause: 1_500 };
const unknownYet = /\b(MalformedPolicy\w*|InvalidPrincipal\w*)\b/;

const longestPause = 15_000;

/** How long to wait before try number `next` (2 and up) after this problem; undefined if no further try is useful. Full jitter. Pure. */
export function pauseBefore(
  next: number,
  { code, cause = "" }: Pick<Problem, "code" | "cause">,
  random: () => number = Math.random,
): number | undefined {
  const policy = code === "aws_rejected" && unknownYet.test(cause) ? propagation : retryPolicies[code];
  if (policy === undefined || next > policy.tries) return undefined;
  return random() * Math.min(policy.pause * 2 ** (next - 1), longestPause);
}

/** Runs `work` again after failures that end by themselves. Each further try is an event. An abort of the run ends it at once. */
export async function withRetries<T>(
  run: Pick<Run, "signal" | "progress">,
  what: string,
  work: (attempt: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt);
    } catch (error) {
      const pause = run.signal.aborted ? undefined : pauseBefore(attempt + 1, problemOf(error));
      if (pause === undefined) throw error;
      await run.progress("trying-again", { what, after: problemOf(error).code, attempt: attempt + 1 });
      await sleep(pause, undefined, { signal: run.signal }).catch(() => run.signal.throwIfAborted());
    }
  }
}
