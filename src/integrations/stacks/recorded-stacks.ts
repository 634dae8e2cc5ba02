/** What is recorded about an integration's stacks while they change: enough to destroy them, whatever happens next. */
import { stackAddress } from "../../../stacks/name.ts";
import type { StackSpec } from "../../../stacks/stack.ts";
import type { IntegrationRecord, RecordedStack } from "../../model/integration.ts";
import type { Db } from "../../store/database/transaction.ts";
import { changeIntegration } from "../../store/integrations.ts";
import { revokedSince } from "../../store/revocations.ts";
import { closedMeanwhile } from "../being-removed.ts";
import type { Work } from "../work.ts";
import { rulesOf } from "./kinds.ts";

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

/** A stack that is about to change: its last record and its new spec. */
export interface Changing {
  before: RecordedStack | undefined;
  spec: StackSpec;
}

/** The run that owns the operation changes the record. If another run has taken the operation over, nothing changes. */
function change(
  { context, run, account, integration }: Work,
  to: (record: IntegrationRecord, trx: Db) => IntegrationRecord | Promise<IntegrationRecord>,
): Promise<IntegrationRecord> {
  return changeIntegration(context.store.db, account.tenant.name, integration, to, run);
}

const addressOf = ({ context, account }: Work, { kind, key }: StackSpec) => stackAddress(context.stateUrl, account.tenant.name, kind, key);

/**
 * Records, before the first AWS call, that a stack is about to change. Its last known outputs stay. If the vendor was revoked since the
 * operation began, the role trusts nobody: the holder of the stack's lease sees the revocation here, and a revocation waits for that lease.
 * After a teardown has closed access, a change that `opens` it is refused.
 *
 * @throws ProblemError plan_stale
 */
export async function recordChanging(work: Work, asked: StackSpec, { opens } = { opens: false }): Promise<Changing> {
  const changing: Changing = { before: undefined, spec: asked };
  await change(work, async (record, trx) => {
    if (opens && record.closedByTeardown) throw closedMeanwhile(record.name);
    const rules = rulesOf(asked);
    const since = rules.role ? await revokedSince(trx, record.vendor) : undefined;
    if (since !== undefined) changing.spec = rules.closed(since);
    const before = record.stacks.find((one) => same(one, asked));
    changing.before = before;
    const address = before?.address ?? addressOf(work, asked);
    return withStack(record, { spec: changing.spec, address, status: "changing", ...(before?.outputs && { outputs: before.outputs }) });
  });
  return changing;
}

/** Records that a stack is up with these outputs; returns the record. */
export async function recordUp(work: Work, spec: StackSpec, outputs: Record<string, unknown>): Promise<IntegrationRecord> {
  return change(work, (record) => withStack(record, { spec, address: addressOf(work, spec), status: "up", outputs }));
}

/** Drops a stack that was destroyed and read back as gone. */
export async function recordGone(work: Work, spec: StackSpec): Promise<void> {
  await change(work, (record) => withoutStack(record, spec));
}
