/**
 * Rate-limit refusals are answered late: a caller that repeats them at once gets fewer answers, and the processor stays free for others.
 * A limited number waits at a time, so that they need little memory; the others are answered at once.
 */

interface SlowRefusals {
  /** milliseconds that each waits */
  hold: number;
  /** that wait at a time */
  most: number;
}

/** A quarter of a second is less than any `Retry-After` of ours, which counts whole seconds. */
const usualHold: SlowRefusals = { hold: 250, most: 1_000 };

/** Calls each `answer` after its wait, or at once where too many wait already. */
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
