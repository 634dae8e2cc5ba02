/** Stacks of the kind `collector`: reserved; no blueprint makes one and there is no program. */
import type { SpecOf } from "../../../stacks/stack.ts";
import { plainRules, type StackRules } from "./stack-rules.ts";

export const collectorRules = (spec: SpecOf<"collector">): StackRules => plainRules(spec);
