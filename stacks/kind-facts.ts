/** What the order of stacks and the engine need to know about a kind. */
import type { StackKind } from "./stack.ts";

interface KindFacts {
  /**
   * Destroyed after all others. If a role goes before the statements that name it, a unique id (`AROA…`) stays in somebody's policy and
   * blocks every later edit of that policy (AWS IAM user guide, "AWS JSON policy elements: Principal").
   */
  destroyedLast: boolean;
  /**
   * Everything that it makes can be found again by its name and tags, and making it again is the same write. So a killed update may leave
   * state as it was before (docs/adr/0100). A key can't be made again like that: each CreateKey makes another key, which costs money until
   * somebody sees it.
   */
  foundAgain: boolean;
}

export const kindFacts: Readonly<Record<StackKind, KindFacts>> = {
  "kms-key": { destroyedLast: false, foundAgain: false },
  role: { destroyedLast: true, foundAgain: true },
  "bucket-policy": { destroyedLast: false, foundAgain: true },
  collector: { destroyedLast: false, foundAgain: false },
};
