/** What guardrails look at in stacks. */
import type { GuardedDocument } from "../../src/iam/guardrails/guardrails.ts";
import { rulesOf } from "../../src/integrations/stacks/kinds.ts";
import type { StackSpec } from "../../stacks/stack.ts";

export const guardedOf = (specs: readonly StackSpec[]): GuardedDocument[] => specs.flatMap((spec) => rulesOf(spec).guarded());
