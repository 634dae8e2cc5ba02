/**
 * Rate-limit refusals are answered late: a caller that repeats them at once gets fewer answers, and the processor stays free for others.
 * Only so many wait at a time, so that waiting costs no memory to speak of; the others are answered at once.
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
