/** What the HTTP layer may ask for about repositories, drift and pauses: who may push, and who sees what. */

import { requestDetection } from "./drift/detect-drift.ts";
import { type Asker, acceptPush } from "./gitops/accept-reconcile.ts";
import { fetchNow, putSource, receiveDelivery, removeSource, requireSource } from "./gitops/sources.ts";
import type { Services } from "./http/services.ts";
import type { Shell } from "./integrations/shell.ts";
import { findTenantIntegration, requireTenant } from "./integrations/subject.ts";
import { type Caller, holdsScope } from "./model/caller.ts";
import { repositoryName } from "./model/repository-name.ts";
import type { SourceRecord } from "./model/source.ts";
import { admit } from "./operations/admission.ts";
import { ProblemError } from "./problem.ts";
import { findDrift } from "./store/drift.ts";
import { pause, pausesNow, resume } from "./store/pauses.ts";
import { listSources } from "./store/sources.ts";
import { operationView } from "./views.ts";

type GitServices = Pick<
  Services,
  | "reconcile"
  | "detectDrift"
  | "getDrift"
  | "pause"
  | "resume"
  | "listPauses"
  | "putSource"
  | "getSource"
  | "listSources"
  | "deleteSource"
  | "fetchSource"
  | "receiveDelivery"
>;

const askerOf = (caller: Caller): Asker => ({
  subject: caller.subject,
  tenants: caller.tenants,
  mayDestroy: holdsScope(caller, "destroy"),
  administers: holdsScope(caller, "admin"),
});

const scopeOf = (tenant: string | undefined) => (tenant === undefined ? ("service" as const) : (`tenant/${tenant}` as const));

const sourceView = ({ tenants: _tenants, requestedBy: _by, scopes: _scopes, failures: _failures, repository, ...view }: SourceRecord) => ({
  ...view,
  // Replicas of an earlier version may store a token in it still.
  repository: repositoryName(repository),
});

/** The part of the services that is about Git. */
export function gitServices(shell: Shell): GitServices {
  const { db } = shell.store;
  return {
    reconcile: async (caller, body) => ({ operation: operationView(await acceptPush(shell, body, askerOf(caller))) }),
    async detectDrift(caller, request) {
      await admit(db, request.tenant);
      return { operation: operationView(await requestDetection(shell, { ...request, requestedBy: caller.subject })) };
    },
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
    async putSource(caller, name, body) {
      const { created, source } = await putSource(shell, { name, body, requestedBy: caller.subject, scopes: caller.scopes });
      return { created, source: sourceView(source) };
    },
    getSource: async (name) => sourceView(await requireSource(shell, name)),
    async listSources(page) {
      const { items, nextCursor } = await listSources(db, page);
      return { items: items.map(sourceView), nextCursor };
    },
    deleteSource: (name) => removeSource(shell, name),
    fetchSource: async (caller, name) => ({ operation: operationView(await fetchNow(shell, name, caller.subject)) }),
    receiveDelivery: (name, delivery) => receiveDelivery(shell, name, delivery),
  };
}
