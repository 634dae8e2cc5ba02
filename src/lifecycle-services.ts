/** Handshakes, approvals and explanations, as the HTTP layer calls them. */

import type { LifecycleServices } from "./http/lifecycle-services.ts";
import { requestAdoption } from "./integrations/adopt.ts";
import { approve, discard } from "./integrations/approve.ts";
import { explainAccess } from "./integrations/explain.ts";
import { getHandOff } from "./integrations/hand-off/hand-off.ts";
import { requestVerify } from "./integrations/proving.ts";
import { rotateExternalId } from "./integrations/rotate-external-id.ts";
import type { Shell } from "./integrations/shell.ts";
import { supplyVendorPolicy } from "./integrations/vendor-policy.ts";
import type { Caller } from "./model/caller.ts";
import { admit } from "./operations/admission.ts";
import { ProblemError } from "./problem.ts";
import type { StoredOperation } from "./store/operations.ts";
import { deleteTrustedPrincipal, findTrustedPrincipal, saveTrustedPrincipal } from "./store/trusted-principals.ts";
import { operationView } from "./views.ts";

/** `requireOperation` hides other tenants' operations. */
export function lifecycleServices(
  shell: Shell,
  requireOperation: (caller: Caller, id: string) => Promise<StoredOperation>,
): LifecycleServices {
  const { db } = shell.store;
  const noPrincipal = () => new ProblemError("not_found", "There is no such trusted principal.");
  return {
    async verifyIntegration({ subject: requestedBy }, address) {
      await admit(db, address.tenant);
      return { operation: operationView(await requestVerify(shell, { ...address, requestedBy })) };
    },
    async rotateExternalId({ subject: requestedBy }, request) {
      return { operation: operationView(await rotateExternalId(shell, { ...request, requestedBy })) };
    },
    async supplyVendorPolicy({ subject: requestedBy }, request) {
      const { operation, ...rest } = await supplyVendorPolicy(shell, { ...request, requestedBy });
      return { operation: operationView(operation), ...rest };
    },
    async adoptRole({ subject: requestedBy }, request) {
      await admit(db, request.tenant);
      return { operation: operationView(await requestAdoption(shell, { ...request, requestedBy })) };
    },
    async approveOperation(caller, id, planHash) {
      return operationView(await approve(shell, await requireOperation(caller, id), { planHash, subject: caller.subject }));
    },
    discardOperation: async (caller, id) => operationView(await discard(shell, await requireOperation(caller, id))),
    explainAccess: (tenant, request) => explainAccess(shell, tenant, request),
    putTrustedPrincipal: (caller, principal) => saveTrustedPrincipal(db, { ...principal, addedBy: caller.subject }),
    async getTrustedPrincipal(id) {
      const found = await findTrustedPrincipal(db, id);
      if (!found) throw noPrincipal();
      return found;
    },
    async getHandOff({ tenant, name }, templateUrl) {
      const { json, markdown } = await getHandOff(shell, tenant, name, templateUrl);
      return { json: { ...json, template: { ...json.template } }, markdown };
    },
    async deleteTrustedPrincipal(id) {
      if (!(await deleteTrustedPrincipal(db, id))) throw noPrincipal();
    },
  };
}
