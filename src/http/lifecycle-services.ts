/** The calls that move integrations and their approvals along; a part of Services. */

import type { AccessRequest } from "../iam/words/access-request.ts";
import type { PolicyDocument } from "../iam/words/policy-document.ts";
import type { DocumentDiff } from "../integrations/document-diff.ts";
import type { Caller } from "../model/caller.ts";
import type { Operation } from "../model/operation.ts";
import type { TrustedPrincipal } from "../store/trusted-principals.ts";
import type { ExplanationView } from "./routes/explain.ts";
import type { HandOffView } from "./routes/hand-off.ts";
import type { IntegrationAddress } from "./services.ts";

export interface LifecycleServices {
  verifyIntegration(caller: Caller, address: IntegrationAddress): Promise<{ operation: Operation }>;
  rotateExternalId(
    caller: Caller,
    request: IntegrationAddress & { externalId: string; overlapMinutes: number },
  ): Promise<{ operation: Operation }>;
  supplyVendorPolicy(
    caller: Caller,
    request: IntegrationAddress & { document: PolicyDocument },
  ): Promise<{ operation: Operation; difference?: DocumentDiff }>;
  adoptRole(caller: Caller, request: IntegrationAddress & { roleArn: string }): Promise<{ operation: Operation }>;
  approveOperation(caller: Caller, id: string, planHash: string): Promise<Operation>;
  discardOperation(caller: Caller, id: string): Promise<Operation>;
  explainAccess(tenant: string, request: AccessRequest): Promise<ExplanationView>;
  putTrustedPrincipal(caller: Caller, principal: { id: string; vendor: string; principalArn: string }): Promise<TrustedPrincipal>;
  getTrustedPrincipal(id: string): Promise<TrustedPrincipal>;
  deleteTrustedPrincipal(id: string): Promise<void>;
  /** Holds the external id whole. */
  getHandOff(address: IntegrationAddress, templateUrl?: string): Promise<{ json: HandOffView; markdown: string }>;
}
