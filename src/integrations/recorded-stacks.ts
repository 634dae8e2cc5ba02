/** What is written down about an integration's stacks while they change: enough to destroy them whatever happens next. */
import { stackAddress } from "../../stacks/name.ts";
import type { StackSpec } from "../../stacks/stack.ts";
import { changeIntegration } from "../store/integrations.ts";
import type { IntegrationRecord, RecordedStack } from "../store/records.ts";
import type { Shell } from "./shell.ts";

interface Which {
  tenant: string;
  integration: string;
}

const same = (stack: RecordedStack, spec: StackSpec): boolean => stack.spec.kind === spec.kind && stack.spec.key === spec.key;

/** The record with one stack replaced, or added at the end. Pure. */
export function withStack(record: IntegrationRecord, stack: RecordedStack): IntegrationRecord {
  const known = record.stacks.some((one) => same(one, stack.spec));
  const stacks = known ? record.stacks.map((one) => (same(one, stack.spec) ? stack : one)) : [...record.stacks, stack];
  return { ...record, stacks };
}

/** The record without one stack. Pure. */
export function withoutStack(record: IntegrationRecord, spec: StackSpec): IntegrationRecord {
  return { ...record, stacks: record.stacks.filter((one) => !same(one, spec)) };
}

/** Notes, before the first AWS call, that a stack is about to change; what it was last known to hold stays. */
export async function recordChanging(shell: Shell, { tenant, integration }: Which, spec: StackSpec): Promise<RecordedStack | undefined> {
  let before: RecordedStack | undefined;
  await changeIntegration(shell.store.db, tenant, integration, (record) => {
    before = record.stacks.find((one) => same(one, spec));
    const address = before?.address ?? stackAddress(shell.stateUrl, tenant, spec.kind, spec.key);
    return withStack(record, { spec, address, status: "changing", ...(before?.outputs && { outputs: before.outputs }) });
  });
  return before;
}

/** Notes that a stack is up with these outputs. */
export async function recordUp(shell: Shell, which: Which, spec: StackSpec, outputs: Record<string, unknown>): Promise<void> {
  const address = stackAddress(shell.stateUrl, which.tenant, spec.kind, spec.key);
  await changeIntegration(shell.store.db, which.tenant, which.integration, (record) =>
    withStack(record, { spec, address, status: "up", outputs }),
  );
}

/** Drops a stack that is destroyed and read back as gone. */
export async function recordGone(shell: Shell, which: Which, spec: StackSpec): Promise<void> {
  await changeIntegration(shell.store.db, which.tenant, which.integration, (record) => withoutStack(record, spec));
}
