/** What a rule says of a request: `unknown` when the rule can't be judged for certain. Unknown is never rounded to yes or no. */
export type Truth = "yes" | "no" | "unknown";

/** All must hold: one `no` is enough to know. */
export function every<T>(items: Iterable<T>, judge: (item: T) => Truth): Truth {
  let result: Truth = "yes";
  for (const item of items) {
    const truth = judge(item);
    if (truth === "no") return "no";
    if (truth === "unknown") result = "unknown";
  }
  return result;
}

/** One must hold: one `yes` is enough to know. */
export function some<T>(items: Iterable<T>, judge: (item: T) => Truth): Truth {
  let result: Truth = "no";
  for (const item of items) {
    const truth = judge(item);
    if (truth === "yes") return "yes";
    if (truth === "unknown") result = "unknown";
  }
  return result;
}

export function not(truth: Truth): Truth {
  if (truth === "unknown") return truth;
  return truth === "yes" ? "no" : "yes";
}

export function truth(known: boolean): Truth {
  return known ? "yes" : "no";
}
