/** What the store knows about a set of manifests, in a handful of batch reads. */

import type { Context } from "../integrations/context.ts";
import type { IntegrationRecord } from "../model/integration.ts";
import type { Manifest } from "../model/manifest.ts";
import type { OperationKind } from "../model/operation.ts";
import type { SourceMember } from "../model/source.ts";
import type { TenantRecord } from "../model/tenant.ts";
import { pausesNow } from "../store/pauses.ts";
import { busyIntegrations, integrationsOfTenants, tenantsByName } from "../store/reconcile-reads.ts";
import { revocations } from "../store/revocations.ts";
import { membersOf } from "../store/sources.ts";

export interface Facts {
  tenants: Map<string, TenantRecord>;
  integrations: Map<string, IntegrationRecord>;
  /** The kinds of the operations that change an integration and haven't ended */
  busy: Map<string, OperationKind[]>;
  members: SourceMember[];
  paused: Map<string, string>;
  /** Since when (RFC 3339) which vendors are revoked */
  revoked: ReadonlyMap<string, string>;
}

/** The tenants that the manifests name and those in which the source owns something, with all that stands in them. */
export async function readFacts(context: Context, source: string, manifests: readonly Manifest[]): Promise<Facts> {
  const { db } = context.store;
  const named = new Set(manifests.map(({ metadata }) => ("tenant" in metadata ? metadata.tenant : metadata.name)));
  const members = await membersOf(db, { source, tenants: [...named] });
  const tenants = [...new Set([...named, ...members.filter((member) => member.source === source).map((member) => member.tenant)])];
  const paused = (await pausesNow(db)).map(({ scope, reason }) => [scope, reason] as const);
  return {
    tenants: await tenantsByName(db, tenants),
    integrations: await integrationsOfTenants(db, tenants),
    busy: await busyIntegrations(db, tenants),
    members,
    paused: new Map(paused),
    revoked: await revocations(db),
  };
}

/** Why automation keeps away from a tenant. */
export const pauseOf = (facts: Facts, tenant: string): string | undefined =>
  facts.paused.get("service") ?? facts.paused.get(`tenant/${tenant}`);
