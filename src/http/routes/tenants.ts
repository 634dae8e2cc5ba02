/** /v1/tenants */

import { z } from "zod";
import { refuseManaged } from "../../gitops/accept-reconcile.ts";
import type { Context } from "../../integrations/context.ts";
import { requireTenant } from "../../integrations/lookup.ts";
import { type Caller, holdsScope } from "../../model/caller.ts";
import { tenantEtag } from "../../model/etag.ts";
import { nameSchema } from "../../model/names.ts";
import { type TenantRecord, tenantBody } from "../../model/tenant.ts";
import { findRefusals, wayIn } from "../../store/account-refusals.ts";
import { receiptsOf } from "../../store/receipts.ts";
import { listTenants } from "../../store/tenants.ts";
import { requestOffboard } from "../../tenants/offboard.ts";
import { putTenant } from "../../tenants/tenants.ts";
import { entityTag } from "../server/entity-tag.ts";
import { defineRoute, type Route } from "../server/route.ts";
import { acceptedView, pageOf, pageQuery, tenantView } from "../views/schemas.ts";
import { accepted, showTenant } from "../views/show.ts";

const tag = "Tenants";
const path = "/v1/tenants/{tenant}";
const params = z.strictObject({ tenant: nameSchema });
const etagHeader = { ETag: "Of what was written; send it as If-Match with a change" };

const putRoute = defineRoute({
  method: "put",
  path,
  scope: "write",
  tag,
  reveals: true,
  summary: "Register a tenant, or change it",
  description: "accountId and region can't change. A change of an existing tenant needs If-Match; its integrations become stale.",
  params,
  body: tenantBody,
  ifMatch: true,
  responses: {
    200: { what: "It exists, as written", schema: tenantView, headers: etagHeader },
    201: { what: "Registered", schema: tenantView, headers: etagHeader },
  },
  problems: ["account_already_registered", "immutable_field", "precondition_required", "access_mode_disabled", "account_mismatch"],
})(async ({ api: { context, servicePrincipal }, caller, params: { tenant: name }, body, ifMatch }) => {
  await refuseManaged(context, { kind: "Tenant", tenant: name, name }, caller.tenants);
  const put = await putTenant(context, { name, body, by: caller, ...(ifMatch !== undefined && { ifMatch }) });
  return {
    status: put.created ? 201 : 200,
    body: showTenant(put.tenant, shownTo(caller, servicePrincipal)),
    headers: { ETag: entityTag(put.etag) },
  };
});

const getTenant = defineRoute({
  method: "get",
  path,
  scope: "read",
  tag,
  reveals: true,
  summary: "Read a tenant",
  params,
  responses: { 200: { what: "The tenant", schema: tenantView, headers: etagHeader } },
})(async ({ api: { context, servicePrincipal }, caller, params: { tenant: name } }) => {
  const tenant = await requireTenant(context, name);
  const body = showTenant(tenant, shownTo(caller, servicePrincipal), await refusalsOf(context, [tenant]));
  return { status: 200, body, headers: { ETag: entityTag(tenantEtag(tenant)) } };
});

const listRoute = defineRoute({
  method: "get",
  path: "/v1/tenants",
  scope: "read",
  tag,
  summary: "List the tenants that the caller holds",
  description: "External ids are fingerprints in a list, whoever reads it.",
  query: pageQuery,
  responses: { 200: { what: "One page", schema: pageOf(tenantView) } },
})(async ({ api: { context, servicePrincipal }, caller, query }) => {
  const { items, nextCursor } = await listTenants(context.store.db, { tenants: caller.tenants, ...query });
  const refusals = await refusalsOf(context, items);
  return {
    status: 200,
    body: { items: items.map((tenant) => showTenant(tenant, { servicePrincipal, revealed: false }, refusals)), nextCursor },
  };
});

const deleteTenant = defineRoute({
  method: "delete",
  path,
  scope: "destroy",
  tag,
  summary: "Offboard a tenant",
  description:
    "Without integrations it is removed at once. With some, an operation closes every trust, ends the sessions, takes all integrations down and reads back that nothing is left.",
  params,
  ifMatch: true,
  responses: {
    202: { what: "An operation offboards it", schema: acceptedView, headers: { Location: "The operation: /v1/operations/{id}" } },
    204: { what: "Removed" },
  },
})(async ({ api: { context }, caller, params: { tenant }, ifMatch }) => {
  await refuseManaged(context, { kind: "Tenant", tenant, name: tenant }, caller.tenants);
  const operation = await requestOffboard(context, { tenant, requestedBy: caller.subject, ...(ifMatch !== undefined && { ifMatch }) });
  return operation ? accepted(operation) : { status: 204 };
});

const receipt = z
  .object({
    number: z.int(),
    tenant: nameSchema,
    integration: nameSchema,
    operation: z.string(),
    at: z.iso.datetime(),
    removed: z.array(z.string()),
    retained: z.array(z.object({ keyArn: z.string(), why: z.string() })),
    proof: z.object({ roleNames: z.array(z.string()), tags: z.record(z.string(), z.string()), found: z.array(z.string()) }),
    previous: z.string().nullable(),
    sha256: z.string().meta({ description: "Over the receipt without this field, as JSON with sorted keys; `previous` chains them" }),
  })
  .meta({ id: "Receipt" });

const listReceipts = defineRoute({
  method: "get",
  path: `${path}/receipts`,
  scope: "read",
  tag,
  summary: "The receipts of a tenant's teardowns, in order, also after it was offboarded",
  params,
  responses: { 200: { what: "All of them", schema: z.object({ items: z.array(receipt) }) } },
})(async ({ api: { context }, params: { tenant } }) => ({ status: 200, body: { items: await receiptsOf(context.store.db, tenant) } }));

const refusalsOf = ({ store }: Pick<Context, "store">, tenants: readonly TenantRecord[]) =>
  findRefusals(
    store.db,
    tenants.flatMap((tenant) => wayIn(tenant) ?? []),
  );

const shownTo = (caller: Caller, servicePrincipal: string) => ({ servicePrincipal, revealed: holdsScope(caller, "reveal") });

export const tenantRoutes: Route[] = [listRoute, putRoute, getTenant, deleteTenant, listReceipts];
