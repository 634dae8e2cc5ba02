/** One integration's proof, from the desired integration to the record: the last part of every `up`, and all of a `verify`. */

import type { Proof } from "../iam/contract/contract.ts";
import type { IntegrationRecord } from "../model/integration.ts";
import { openOperation } from "../operations/open.ts";
import type { Run } from "../operations/run.ts";
import type { Db } from "../store/database/transaction.ts";
import { changeIntegration } from "../store/integrations.ts";
import type { StoredOperation } from "../store/operations.ts";
import { revokedSince } from "../store/revocations.ts";
import { enterAccount } from "./account.ts";
import type { Context } from "./context.ts";
import { appliedIntegration, withRevocation } from "./desired-integration.ts";
import { type DesiredIntegration, type DesiredStacks, desiredStacks } from "./desired-stacks.ts";
import { handshakeOf } from "./handshake.ts";
import { findTenantIntegration, lookUpOperation } from "./lookup.ts";
import { prove, refuseRed, withOutputs } from "./prove.ts";
import { type Outputs, stackId, type Work } from "./work.ts";

/** The outputs of a record's stacks, by `<kind>/<key>`. */
export function recordedOutputs(record: IntegrationRecord): Outputs {
  return new Map(record.stacks.flatMap(({ spec, outputs }) => (outputs ? [[stackId(spec), outputs] as const] : [])));
}

interface Proving {
  work: Work;
  desiredIntegration: DesiredIntegration;
  outputs: Outputs;
  /** The handshake's state after a green proof over an open trust. */
  standing: "trusted" | "verified";
}

/**
 * Reads what AWS holds, judges it and stores the proof. A red proof is the operation's failure. If more is allowed than the contract says,
 * the trust is closed first.
 *
 * @throws ProblemError proof_failed, proof_failed_contained, aws_denied, aws_throttled, aws_rejected
 */
export async function proveIntegration({ work, desiredIntegration: asked, outputs, standing }: Proving): Promise<Proof> {
  const { context, run, account } = work;
  const desiredIntegration = await withRevocation(context, asked);
  const desired = desiredStacks(account.tenant, { ...desiredIntegration, outputs: Object.fromEntries(outputs) });
  const proof = await run.step("prove", () =>
    prove({
      account,
      integration: work.integration,
      contract: desired.contract,
      expectations: desired.expectations,
      specs: withOutputs(desired.specs, outputs),
      now: context.now,
      signal: run.signal,
      written: run.operation.kind !== "verify",
    }),
  );
  await run.step("record", () => recordProof(work, { desired, proof, standing }));
  await refuseRed(work, desired.contract, proof).catch(async (error) => {
    await distrustState(work);
    throw error;
  });
  return proof;
}

interface Judged {
  desired: DesiredStacks;
  proof: Proof;
  standing: Proving["standing"];
}

async function recordProof({ context, run }: Work, { desired, proof, standing }: Judged): Promise<void> {
  const { tenant = "", integration = "", id, kind } = run.operation;
  const green = proof.verdict === "green";
  // Read the revocation while the row is locked. Then a revocation that ends later has the last word.
  const proven = async (record: IntegrationRecord, trx: Db): Promise<IntegrationRecord> => ({
    ...record,
    proof,
    // A verify writes nothing, so it can only take away the success of an `up`.
    ...(kind === "verify"
      ? record.lastUp && { lastUp: { ...record.lastUp, succeeded: record.lastUp.succeeded && green } }
      : { lastUp: { operation: id, succeeded: green, specHash: desired.specHash } }),
    handshake: handshakeOf({
      blueprint: desired.blueprint,
      record,
      proof,
      standing,
      revoked: (await revokedSince(trx, record.vendor)) !== undefined,
      now: context.now(),
    }),
    updatedAt: context.now(),
  });
  await changeIntegration(context.store.db, tenant, integration, proven, run);
}

/** A direct write leaves Pulumi's state older than the account, so the next update must refresh before it compares. */
async function distrustState({ context, run, account, integration }: Work): Promise<void> {
  const distrusted = (record: IntegrationRecord) => ({
    ...record,
    stacks: record.stacks.map((stack) => ({ ...stack, status: "changing" as const })),
  });
  await changeIntegration(context.store.db, account.tenant.name, integration, distrusted, run);
}

/** Runs a `verify`: judges the live documents now. It writes to AWS only if it finds more access than the contract gives. */
export async function verify(context: Context, run: Run): Promise<void> {
  const { tenant, record } = await lookUpOperation(context, run);
  const account = await run.step("enter-account", () => enterAccount(context, tenant, run.operation.id));
  const desiredIntegration = await appliedIntegration(context, record);
  const work = { context, run, account, integration: record.name };
  const proof = await proveIntegration({ work, desiredIntegration, outputs: recordedOutputs(record), standing: "verified" });
  run.result = { proof: { verdict: proof.verdict, trust: proof.trust, rows: proof.rows.length } };
}

/**
 * Accepts a verification of an integration that has been up.
 *
 * @throws ProblemError not_found
 */
export async function requestVerify(
  context: Context,
  request: { tenant: string; name: string; requestedBy: string },
): Promise<StoredOperation> {
  const { record } = await findTenantIntegration(context, request.tenant, request.name);
  return context.store.db.transaction().execute((trx) =>
    openOperation(context, trx, {
      kind: "verify",
      tenant: record.tenant,
      integration: record.name,
      stacks: record.stacks.map((stack) => stack.address),
      request: {},
      requestedBy: request.requestedBy,
      deadlineSeconds: context.operationSeconds,
    }),
  );
}
