/** One operation's work on its stacks, and the one way in which a verb runs the engine. */
import { stackAddress } from "../../stacks/name.ts";
import type { StackSpec } from "../../stacks/stack.ts";
import type { UpdateAction, UpdateResult } from "../engine/engine.ts";
import type { RecordedStack } from "../model/integration.ts";
import type { HeldLease } from "../operations/lease.ts";
import type { Run } from "../operations/run.ts";
import type { Account } from "./account.ts";
import type { Shell } from "./shell.ts";

export type Outputs = Map<string, Record<string, unknown>>;

/** How long an operation waits for a stack or a shared document that another one holds. Seconds. */
export const LEASE_WAIT = 300;

export interface Work {
  shell: Shell;
  run: Run;
  account: Account;
  integration: string;
}

export const stackId = (spec: { kind: string; key: string }): string => `${spec.kind}/${spec.key}`;

/** A stack of which a first try has begun, and nothing more is known. */
export function begun({ shell, account }: Work, spec: StackSpec): RecordedStack {
  return { spec, address: stackAddress(shell.stateUrl, account.tenant.name, spec.kind, spec.key), status: "changing" };
}

/** One engine update with its steps written as events. */
export async function runEngine(
  { shell, run, account }: Work,
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
  const result = await shell.engine.update(
    {
      operationId: run.operation.id,
      epoch: lease.epoch,
      action,
      spec,
      address: stackAddress(shell.stateUrl, tenant.name, spec.kind, spec.key),
      target: { accountId: tenant.accountId, region: tenant.region, credentials: account.target },
      state: { credentials: account.state },
      refresh,
      ...(Object.keys(adopt).length > 0 && { adopt }),
      onRunner: ({ uuid }) => lease.recordRunner(uuid),
      deadlineSeconds: shell.operationSeconds,
    },
    (step) => {
      if (step.op !== "same") pending.push(run.progress("step", { stack: stackId(spec), ...step }));
    },
    lease.signal,
  );
  await Promise.all(pending);
  return result;
}
