/** An `up` of a tenant whose account is never entered: judges the documents, then waits until the customer applies them. */

import type { IntegrationRecord, UpRequest } from "../../model/integration.ts";
import type { TenantRecord } from "../../model/tenant.ts";
import type { Run } from "../../operations/run.ts";
import { ProblemError } from "../../problem.ts";
import { changeIntegration } from "../../store/integrations.ts";
import type { Context } from "../context.ts";
import { asApproved } from "../desired-integration.ts";
import { type DesiredIntegration, desiredStacks, partitionOf } from "../desired-stacks.ts";
import { judgeHandedOff } from "./static-judgement.ts";

interface HandOver {
  context: Context;
  run: Run;
  tenant: TenantRecord;
  desiredIntegration: DesiredIntegration;
  request: UpRequest;
}

/**
 * Makes no AWS call. The proof says that the account wasn't read; the hand-off holds the documents and the template.
 *
 * @throws ProblemError proof_failed when the documents themselves don't do what the contract says
 */
export async function handOver({ context, run, tenant, desiredIntegration, request }: HandOver): Promise<void> {
  const desired = desiredStacks(tenant, desiredIntegration);
  const now = context.now();
  const proof = judgeHandedOff(desired, { accountId: tenant.accountId, partition: partitionOf(tenant.region), now });
  const handedOver = (record: IntegrationRecord): IntegrationRecord => ({
    ...asApproved(record, request, desiredIntegration.approvedBy),
    proof,
    lastUp: { operation: run.operation.id, succeeded: proof.verdict === "green", specHash: desired.specHash, handedOver: true },
    handshake: {
      state: "awaiting-customer",
      awaiting: [{ what: "the hand-off's documents in the account", from: "customer", since: now }],
    },
    updatedAt: now,
  });
  await run.step("record", () => changeIntegration(context.store.db, tenant.name, desiredIntegration.integration, handedOver, run));
  const red = proof.rows.filter((row) => row.verdict === "red").map((row) => row.id);
  if (red.length > 0)
    throw new ProblemError(
      "proof_failed",
      `The documents don't do what the contract says: ${red.slice(0, 5).join(", ")}. GET the integration's proof.`,
    );
  run.result = { proof: { verdict: proof.verdict, trust: proof.trust, rows: proof.rows.length }, handOff: desired.handOff };
}
