/** What the HTTP layer may ask for, over the verbs: who may see what is decided here, and only views leave. */
import type { Registry } from "prom-client";
import { blueprints } from "./blueprints/registry.ts";
import { gitServices } from "./git-services.ts";
import { refuseManaged } from "./gitops/accept-reconcile.ts";
import { managedBySource } from "./gitops/reconcile-plan.ts";
import type { Idempotency, Readiness, Services } from "./http/services.ts";
import { deleteIntegration } from "./integrations/delete.ts";
import { requireBlueprint } from "./integrations/desired-stacks.ts";
import { integrationEtag, tenantEtag } from "./integrations/etag.ts";
import { previewIntegration } from "./integrations/preview.ts";
import { putIntegration, refuseUnreadable } from "./integrations/put.ts";
import type { Shell } from "./integrations/shell.ts";
import { deleteKey, listKeys } from "./integrations/stacks/keys.ts";
import { noTenant, requireTenant } from "./integrations/subject.ts";
import { lifecycleServices } from "./lifecycle-services.ts";
import { type Caller, holdsScope } from "./model/caller.ts";
import type { TenantRecord } from "./model/tenant.ts";
import { refuseFull } from "./operations/admission.ts";
import { type CancelRegistry, cancelOperation, forceEnd, type Killing } from "./operations/cancel.ts";
import { followEvents } from "./operations/events.ts";
import { maySee } from "./operations/visible.ts";
import { ProblemError } from "./problem.ts";
import { type SecurityParts, securityServices } from "./security-services.ts";
import { findRefusals, wayIn } from "./store/account-refusals.ts";
import { eventsAfter } from "./store/events.ts";
import { integrationReader } from "./store/integration-reader.ts";
import { listIntegrations } from "./store/integrations.ts";
import { findOperation, listOperations, type StoredOperation } from "./store/operations.ts";
import { findProof } from "./store/proofs.ts";
import { receiptsOf } from "./store/receipts.ts";
import { listTenants } from "./store/tenants.ts";
import { bootstrapOf } from "./tenants/bootstrap.ts";
import { requestOffboard } from "./tenants/offboard.ts";
import { reachOf } from "./tenants/reach.ts";
import { putTenant, type TenantRights } from "./tenants/tenants.ts";
import { requestRevocation } from "./vendors/revoke-vendor.ts";
import { blueprintView, integrationView, operationView, tenantView } from "./views.ts";

interface Parts {
  shell: Shell;
  metrics: Registry;
  version: string;
  /** The principal that provisioning roles are to trust. */
  servicePrincipal: string;
  findCaller: Services["findCaller"];
  idempotency: Idempotency;
  security: SecurityParts;
  /** The runs of this process. */
  cancels: CancelRegistry;
  killing: Killing;
  readiness(): Promise<Readiness>;
}

/** Everything the API does, as one object of plain functions. */
export function createServices({ shell, servicePrincipal, security, cancels, killing, ...parts }: Parts): Services {
  const { db } = shell.store;
  const readIntegration = integrationReader(db);

  /** Another tenant's operation looks exactly like one that never was. */
  const requireOperation = async (caller: Caller, id: string): Promise<StoredOperation> => {
    const operation = await findOperation(db, id);
    if (operation === undefined || !maySee(caller, operation)) throw new ProblemError("not_found", "There is no such operation.");
    return operation;
  };

  const refusalsOf = (tenants: TenantRecord[]) =>
    findRefusals(
      db,
      tenants.flatMap((tenant) => wayIn(tenant) ?? []),
    );

  return {
    log: shell.log,
    ...parts,
    ...lifecycleServices(shell, requireOperation),
    ...securityServices(db, security),

    async putTenant(caller, name, body, { ifMatch }) {
      await refuseManaged(shell, { kind: "Tenant", tenant: name, name }, caller.tenants);
      const put = await putTenant(shell, { name, body, by: tenantRightsOf(caller), ...(ifMatch !== undefined && { ifMatch }) });
      return { ...put, tenant: tenantView(put.tenant, servicePrincipal) };
    },
    async getTenant(_caller, name) {
      const tenant = await requireTenant(shell, name);
      return { tenant: tenantView(tenant, servicePrincipal, await refusalsOf([tenant])), etag: tenantEtag(tenant) };
    },
    async listTenants(caller, page) {
      const { items, nextCursor } = await listTenants(db, { tenants: caller.tenants, ...page });
      const refusals = await refusalsOf(items);
      return { items: items.map((tenant) => tenantView(tenant, servicePrincipal, refusals)), nextCursor };
    },
    async deleteTenant(caller, tenant, options) {
      await refuseManaged(shell, { kind: "Tenant", tenant, name: tenant }, caller.tenants);
      const operation = await requestOffboard(shell, { tenant, requestedBy: caller.subject, ...options });
      return operation ? { operation: operationView(operation) } : {};
    },
    getBootstrap: async (name, asked) => {
      const tenant = await requireTenant(shell, name);
      return bootstrapOf(tenant, servicePrincipal, await reachOf(shell, tenant, asked));
    },
    listReceipts: (tenant) => receiptsOf(db, tenant),
    async setRevocation({ subject: requestedBy }, request) {
      return { operation: operationView(await requestRevocation(shell, { ...request, requestedBy })) };
    },
    async cancelOperation(caller, id, { force }) {
      await requireOperation(caller, id);
      const operation = await cancelOperation(shell.store, cancels, { id, caller });
      if (force) await forceEnd(shell.store, id, killing);
      return operationView(operation);
    },

    listBlueprints: async () => blueprints.map(blueprintView),
    getBlueprint: async (id) => blueprintView(findOrNotFound(id)),

    refuseUnreadable,
    async putIntegration(caller, put) {
      const request = { ...put, requestedBy: caller.subject };
      const { tenant, record, etag, operation } = await putIntegration(shell, request, ({ open, owner }) => {
        refuseFull(put.tenant, open);
        if (owner !== undefined) throw managedBySource(owner, caller.tenants);
      });
      const integration = integrationView(record, tenant, shell.now());
      return operation
        ? { outcome: "accepted", integration, etag, operation: operationView(operation) }
        : { outcome: "unchanged", integration, etag };
    },
    async getIntegration(_caller, address) {
      const { tenant: owner, integration: record } = await readIntegration(address);
      if (!owner) throw noTenant();
      if (!record) throw noIntegration();
      return { integration: integrationView(record, owner, shell.now()), etag: integrationEtag(record) };
    },
    async listIntegrations(_caller, tenant, page) {
      const owner = await requireTenant(shell, tenant);
      const { items, nextCursor } = await listIntegrations(db, tenant, page);
      return { items: items.map((record) => integrationView(record, owner, shell.now())), nextCursor };
    },
    async deleteIntegration(caller, request) {
      await refuseManaged(shell, { kind: "Integration", ...request }, caller.tenants);
      return { operation: operationView(await deleteIntegration(shell, { ...request, requestedBy: caller.subject })) };
    },
    async previewIntegration(caller, request) {
      const asked = { ...request, requestedBy: caller.subject };
      return { operation: operationView(await previewIntegration(shell, asked, ({ open }) => refuseFull(request.tenant, open))) };
    },
    listKeys: (tenant) => listKeys(shell, tenant),
    async deleteKey(caller, request) {
      return { operation: operationView(await deleteKey(shell, { ...request, requestedBy: caller.subject })) };
    },
    async getProof(_caller, { tenant, name }) {
      const proof = await findProof(db, tenant, name);
      if (proof === undefined) throw noIntegration();
      if (!proof) throw new ProblemError("not_found", "There is no proof yet: it comes with the integration's first successful up.");
      return proof;
    },

    ...gitServices(shell),

    getOperation: async (caller, id) => operationView(await requireOperation(caller, id)),
    async listOperations(caller, filters) {
      const { items, nextCursor } = await listOperations(db, { ...filters, tenants: caller.tenants });
      return { items: items.map(operationView), nextCursor };
    },
    async eventsAfter(caller, id, after, limit) {
      await requireOperation(caller, id);
      return eventsAfter(db, id, after, limit);
    },
    async *followEvents(caller, id, after, signal) {
      await requireOperation(caller, id);
      yield* followEvents(shell.store, id, after, signal);
    },
  };
}

const tenantRightsOf = (caller: Caller): TenantRights => ({ seesAll: caller.tenants === "*", administers: holdsScope(caller, "admin") });

const noIntegration = (): ProblemError => new ProblemError("not_found", "There is no such integration.");

function findOrNotFound(id: string) {
  try {
    return requireBlueprint(id);
  } catch {
    throw new ProblemError("not_found", "There is no such blueprint.");
  }
}
