/**
 * Finds orphans: resources that an interrupted run made and didn't write into state. It looks them up by the names and ownership tags that
 * we gave, and takes them in. The list of pending operations isn't enough: a lost reply leaves no pending create.
 */
import type { StackSpec } from "../../../stacks/stack.ts";
import type { RecordedStack } from "../../model/integration.ts";
import { ProblemError } from "../../problem.ts";
import type { Work } from "../work.ts";
import { rulesOf } from "./kinds.ts";
import type { Found } from "./stack-rules.ts";

/**
 * Reads a stack's state, repairs it if it was damaged, and finds what exists outside of it. If nothing was ever recorded of the stack, it
 * can't have left anything, so this makes no call.
 *
 * @throws ProblemError state_damaged when a stack that was up has neither state nor resources any more, or no readable version
 */
export async function findOrphans(work: Work, spec: StackSpec, before: RecordedStack | undefined): Promise<Found> {
  if (before === undefined) return { adopt: {}, restored: false };
  const { context, run, account } = work;
  const { state, restored } = await context.engine.soundState(before.address, account.state);
  if (restored) await run.progress("state-restored", { stack: before.address.stack });
  const adopt = await rulesOf(spec).findMade(work, new Set(state?.resources.map(({ name }) => name)));
  if (Object.keys(adopt).length > 0) await run.progress("taken-in", { stack: before.address.stack, resources: adopt });
  return { adopt, restored, ...(state && { state }) };
}

/**
 * Refuses to make again what exists by our record: missing state doesn't mean that the stack never existed.
 *
 * @throws ProblemError state_damaged
 */
export function refuseVanished(spec: StackSpec, before: RecordedStack | undefined, { state, adopt }: Found): void {
  const hadMain = before?.outputs !== undefined && rulesOf(spec).makesMain;
  if (!hadMain || state !== undefined || Object.keys(adopt).length > 0) return;
  throw new ProblemError(
    "state_damaged",
    `The state of stack ${before.address.stack} is gone from the bucket, no version of it is left, and the account doesn't hold what it made. Put a copy of the state back, or DELETE the integration and make it again.`,
  );
}
