/** POST …/vendor-policy: takes the policy that the vendor issued after it saw the role, checks it, and attaches it word for word. */
import type { PolicyDocument } from "../iam/words/policy-document.ts";
import type { Credential } from "../model/caller.ts";
import type { IntegrationRecord } from "../model/integration.ts";
import { ProblemError } from "../problem.ts";
import type { StoredOperation } from "../store/operations.ts";
import { accept, readAgain } from "./accept.ts";
import type { Context } from "./context.ts";
import { recordedIntegration } from "./desired-integration.ts";
import { desiredStacks, requireBlueprint } from "./desired-stacks.ts";
import { type DocumentDiff, diffDocuments } from "./document-diff.ts";
import { handshakeOf } from "./handshake.ts";
import { findTenantIntegration } from "./lookup.ts";

export interface VendorPolicyRequest {
  tenant: string;
  name: string;
  document: PolicyDocument;
  requestedBy: string;
  credential?: Credential;
}

/**
 * Accepts a vendor's policy. The answer shows the difference from the previous policy.
 *
 * @throws ProblemError not_found, vendor_policy_refused with every fault named, guardrail
 */
export function supplyVendorPolicy(context: Context, request: VendorPolicyRequest): Promise<Supplied> {
  return readAgain(() => supplyOnce(context, request));
}

interface Supplied {
  operation: StoredOperation;
  difference?: DocumentDiff;
}

async function supplyOnce(context: Context, request: VendorPolicyRequest): Promise<Supplied> {
  const { tenant, record } = await findTenantIntegration(context, request.tenant, request.name);
  const blueprint = requireBlueprint(record.blueprint, record.version);
  if (!blueprint.vendorPolicy) {
    throw new ProblemError("vendor_policy_refused", `${blueprint.id} takes no policy from its vendor.`, { pointer: "/document" });
  }
  const faults = blueprint.vendorPolicy.check(request.document, record.parameters);
  if (faults.length > 0) throw new ProblemError("vendor_policy_refused", faults.join(" "), { pointer: "/document" });
  const now = context.now();
  const changed: IntegrationRecord = { ...record, vendorPolicy: request.document, updatedAt: now };
  const next = { ...changed, handshake: handshakeOf({ blueprint, record: changed, proof: undefined, now }) };
  const operation = await accept(context, {
    kind: "up",
    next,
    basis: record,
    desired: desiredStacks(tenant, await recordedIntegration(context, next)),
    requestedBy: request.requestedBy,
    credential: request.credential,
  });
  const difference = diffDocuments("vendor-policy", record.vendorPolicy, request.document);
  return { operation, ...(difference && { difference }) };
}
