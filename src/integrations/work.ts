/** One operation's work on its stacks, and the only way for a verb to run the engine. */
import { stackAddress } from "../../stacks/name.ts";
import type { StackSpec } from "../../stacks/stack.ts";
import type { UpdateAction, UpdateResult } from "../engine/engine.ts";
import type { RecordedStack } from "../model/integration.ts";
import type { HeldLease } from "../operations/lease.ts";
import type { Run } from "../operations/run.ts";
import type { Account } from "./account.ts";
import type { Context } from "./context.ts";

export type Outputs = Map<string, Record<string, unknown>>;

/** How long an operation waits for a stack or a shared document that another operation holds. Seconds. */
export const LEASE_WAIT = 300;

export interface Work {
  context: Context;
  run: Run;
  account: Account;
  integration: string;
}

export const stackId = (spec: { kind: string; key: string }): string => `${spec.kind}/${spec.key}`;

/** A stack whose first try has begun. Nothing else is known about it. */
export function begun({ context, account }: Work, spec: StackSpec): RecordedStack {
  return { spec, address: stackAddress(context.stateUrl, account.tenant.name, spec.kind, spec.key), status: "changing" };
}

/** Runs one engine update and writes its steps as events. */
export async function runEngine(
  { context, run, account }: Work,
  action: UpdateAction,
  spec: StackSpec,
  {
    lease,
    refresh,
    adopt = {},
  }: { lease: Pick<HeldLease, "epoch" | "signal" | "recordRunner">; refresh: boolean; adopt?: Record<string, string> },
): Promise<UpdateResult> {
  const { tenant } = account;
  const pending: Promise<unknown>[] = [];
  const result = await context.engine.update(
    {
      operationId: run.operation.id,
      epoch: lease.epoch,
      action,
      spec,
      address: stackAddress(context.stateUrl, tenant.name, spec.kind, spec.key),
      target: { accountId: tenant.accountId, region: tenant.region, credentials: account.target },
      state: { credentials: account.state },
      refresh,
      ...(Object.keys(adopt).length > 0 && { adopt }),
      onRunner: ({ uuid }) => lease.recordRunner(uuid),
      deadlineSeconds: context.operationSeconds,
    },
    (step) => {
      if (step.op !== "same") pending.push(run.progress("step", { stack: stackId(spec), ...step }));
    },
    lease.signal,
  );
  await Promise.all(pending);
  return result;
}
