/** What the order of stacks and the engine have to know of a kind. */
import type { StackKind } from "./stack.ts";

interface KindFacts {
  /**
   * Destroyed after all others: a role that goes before the statements that name it leaves a unique id (`AROA…`) in somebody's policy,
   * which blocks every later edit of that policy (AWS IAM user guide, "AWS JSON policy elements: Principal").
   */
  destroyedLast: boolean;
  /**
   * All that it makes is found again by its name and tags, and making it again is the same write; so a killed update may leave state as
   * it was before (docs/adr/0100). A key isn't: each CreateKey makes another one, which costs money until somebody sees it.
   */
  foundAgain: boolean;
}

export const kindFacts: Readonly<Record<StackKind, KindFacts>> = {
  "kms-key": { destroyedLast: false, foundAgain: false },
  role: { destroyedLast: true, foundAgain: true },
  "bucket-policy": { destroyedLast: false, foundAgain: true },
  collector: { destroyedLast: false, foundAgain: false },
};
