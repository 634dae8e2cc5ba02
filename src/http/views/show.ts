/**
 * Turns stored records into the API's answers. Pure. External ids become fingerprints. A tenant's provisioning external id is shown whole
 * if it is revealed.
 */
import { z } from "zod";
import type { Blueprint } from "../../blueprints/parts/blueprint.ts";
import { findBlueprint } from "../../blueprints/registry.ts";
import { externalIdFingerprint } from "../../iam/words/external-id.ts";
import { appliedRequestOf } from "../../integrations/desired-integration.ts";
import { contextOf } from "../../integrations/desired-stacks.ts";
import { workingIds } from "../../integrations/external-ids.ts";
import { maskedFields } from "../../integrations/hand-off/masked.ts";
import type { IntegrationRecord } from "../../model/integration.ts";
import type { Operation } from "../../model/operation.ts";
import type { TenantRecord } from "../../model/tenant.ts";
import { type AccountRefusals, wayIn } from "../../store/account-refusals.ts";
import type { StoredOperation } from "../../store/operations.ts";
import { provisioningTrust } from "../../tenants/tenants.ts";
import type { IntegrationView, TenantView } from "./schemas.ts";

/** `revealed`: the provisioning external id is shown whole. */
export function showTenant(
  tenant: TenantRecord,
  { servicePrincipal, revealed }: { servicePrincipal: string; revealed: boolean },
  refusals: readonly AccountRefusals[] = [],
): TenantView {
  const { name, accountId, region, access, permissionsBoundaryArn, tags, createdAt, updatedAt } = tenant;
  const externalId = revealed ? tenant.provisioningExternalId : externalIdFingerprint(tenant.provisioningExternalId);
  const refused = refusals.find(({ way }) => way === wayIn(tenant));
  return {
    name,
    accountId,
    region,
    access,
    ...(permissionsBoundaryArn && { permissionsBoundaryArn }),
    tags,
    provisioning: {
      externalId,
      trustPolicy: { ...provisioningTrust(servicePrincipal, externalId) },
      ...(refused && { refused: showRefused(refused) }),
    },
    createdAt,
    updatedAt,
  };
}

const showRefused = ({ count, since, cause, notBefore }: AccountRefusals) => ({
  count,
  since,
  ...(cause !== undefined && { cause }),
  ...(notBefore !== undefined && { notBefore }),
});

export function showIntegration(record: IntegrationRecord, tenant: TenantRecord, now: string): IntegrationView {
  const { name, blueprint, vendor, version, parameters, settings, handshake, proof, lastUp, createdAt, updatedAt } = record;
  const handOff = record.stacks.length === 0 ? undefined : handOffOf(record, tenant, now);
  return {
    tenant: tenant.name,
    name,
    blueprint,
    vendor,
    version,
    parameters,
    settings,
    externalIds: record.externalIds.map(({ id, since, until }) => ({
      fingerprint: externalIdFingerprint(id),
      since,
      ...(until && { until }),
    })),
    handshake,
    stacks: record.stacks.map(({ address, status }) => ({ ...address, status })),
    outputs: Object.assign({}, ...record.stacks.map((stack) => stack.outputs ?? {})),
    ...(handOff && { handOff }),
    ...(proof && { proof: { verdict: proof.verdict, at: proof.at } }),
    ...(lastUp && { lastOperation: lastUp.operation }),
    createdAt,
    updatedAt,
  };
}

/** Undefined for a blueprint that this release no longer has: its integrations can still be read and destroyed. */
function handOffOf(record: IntegrationRecord, tenant: TenantRecord, now: string) {
  const { blueprint: id, version, parameters, externalIds } = appliedRequestOf(record);
  const blueprint = findBlueprint(id, version);
  if (!blueprint) return undefined;
  const context = contextOf(tenant, { integration: record.name, externalIds: workingIds(externalIds, now) });
  return maskedFields(blueprint.handOff(parameters, context)).map(({ field, value, where }) => ({ field, value, where }));
}

/** An operation without its internal fields: its request may contain an external id. */
export function showOperation(stored: StoredOperation): Operation {
  const {
    request: _request,
    requestedBy: _by,
    epoch: _epoch,
    deadlineSeconds: _deadline,
    cancelRequested: _cancel,
    plugin,
    ...operation
  } = stored;
  return plugin === undefined ? operation : { ...operation, result: { ...operation.result, plugin } };
}

export function showBlueprint(blueprint: Blueprint) {
  const { id, vendor, version, title, source, access, externalId } = blueprint;
  const schema = z.toJSONSchema(blueprint.parameters, { io: "input" });
  const issuer = {
    vendor: "the vendor makes it",
    tenant: "you choose it",
    drawbridge: "made by Drawbridge when left out",
    none: undefined,
  }[externalId.issuer];
  const properties =
    issuer === undefined
      ? schema.properties
      : {
          ...schema.properties,
          externalId: { type: "string", description: `The external id: ${issuer}. Left out, the current one stays.` },
        };
  return { id, vendor, version, title, source, parameters: { ...schema, properties }, access, handOff: blueprint.handOffFields };
}

/** The answer to a request that an operation will do. */
export function accepted(stored: StoredOperation) {
  const operation = showOperation(stored);
  return { status: 202 as const, body: { operation }, headers: { Location: `/v1/operations/${operation.id}` } };
}
