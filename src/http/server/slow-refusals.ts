/**
 * Delays refusals by a rate limit. A caller that repeats its request at once gets fewer answers, so other callers get more of the
 * processor. Only a limited number of refusals waits at a time, so that they need little memory. The others are sent at once.
 */

interface SlowRefusals {
  /** milliseconds that each refusal waits */
  hold: number;
  /** the most refusals that wait at a time */
  most: number;
}

/** A quarter of a second is shorter than any `Retry-After` of ours, which is in whole seconds. */
const usualHold: SlowRefusals = { hold: 250, most: 1_000 };

/** Calls each `answer` after its delay, or at once if too many wait already. */
export function slowRefusals({ hold, most }: SlowRefusals = usualHold): (answer: () => void) => void {
  let waiting = 0;
  return (answer) => {
    if (waiting >= most) return answer();
    waiting += 1;
    setTimeout(() => {
      waiting -= 1;
      answer();
    }, hold);
  };
}
