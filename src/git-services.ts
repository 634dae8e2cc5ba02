/** What the HTTP layer may ask for about repositories, drift and pauses: who may push, and who sees what. */
import { type Caller, holdsScope } from "./http/caller.ts";
import type { Services } from "./http/services.ts";
import { type Asker, acceptPush } from "./integrations/accept-reconcile.ts";
import { requestDetection } from "./integrations/detect-drift.ts";
import type { Shell } from "./integrations/shell.ts";
import { findTenantIntegration, requireTenant } from "./integrations/subject.ts";
import { ProblemError } from "./problem.ts";
import { findDrift } from "./store/drift.ts";
import { pause, pausesNow, resume } from "./store/pauses.ts";
import { operationView } from "./views.ts";

type GitServices = Pick<Services, "reconcile" | "detectDrift" | "getDrift" | "pause" | "resume" | "listPauses">;

const askerOf = (caller: Caller): Asker => ({
  subject: caller.subject,
  tenants: caller.tenants,
  mayDestroy: holdsScope(caller, "destroy"),
});

const scopeOf = (tenant: string | undefined) => (tenant === undefined ? ("service" as const) : (`tenant/${tenant}` as const));

/** The part of the services that is about Git. */
export function gitServices(shell: Shell): GitServices {
  const { db } = shell.store;
  return {
    reconcile: async (caller, body) => ({ operation: operationView(await acceptPush(shell, body, askerOf(caller))) }),
    detectDrift: async (caller, request) => ({
      operation: operationView(await requestDetection(shell, { ...request, requestedBy: caller.subject })),
    }),
    async getDrift(_caller, { tenant, name }) {
      await findTenantIntegration(shell, tenant, name);
      const drift = await findDrift(db, tenant, name);
      if (!drift) throw new ProblemError("not_found", "Nobody has looked for drift yet.");
      const { fingerprint: _fingerprint, remediation, ...view } = drift;
      return { ...view, ...(remediation && { remediation: { operation: remediation.operation, at: remediation.at } }) };
    },
    async pause(caller, { tenant, reason }) {
      if (tenant !== undefined) await requireTenant(shell, tenant);
      await pause(db, { scope: scopeOf(tenant), reason, requestedBy: caller.subject });
    },
    resume: (_caller, { tenant }) => resume(db, scopeOf(tenant)),
    listPauses: () => pausesNow(db),
  };
}
