/** /v1/tenants */
import { z } from "zod";
import { entityTag } from "./entity-tag.ts";
import { defineRoute, type Route } from "./route.ts";
import { nameSchema, pageOf, pageQuery, tenantBody, tenantView } from "./schemas.ts";

const tag = "Tenants";
const path = "/v1/tenants/{tenant}";
const params = z.strictObject({ tenant: nameSchema });
const etagHeader = { ETag: "Of what was written; send it as If-Match with a change" };

const putTenant = defineRoute({
  method: "put",
  path,
  scope: "write",
  tag,
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
})(async ({ services, caller, params: { tenant: name }, body, ifMatch }) => {
  const { created, tenant, etag } = await services.putTenant(caller, name, body, ifMatch === undefined ? {} : { ifMatch });
  return { status: created ? 201 : 200, body: tenant, headers: { ETag: entityTag(etag) } };
});

const getTenant = defineRoute({
  method: "get",
  path,
  scope: "read",
  tag,
  summary: "Read a tenant",
  params,
  responses: { 200: { what: "The tenant", schema: tenantView, headers: etagHeader } },
})(async ({ services, caller, params: { tenant: name } }) => {
  const { tenant, etag } = await services.getTenant(caller, name);
  return { status: 200, body: tenant, headers: { ETag: entityTag(etag) } };
});

const listTenants = defineRoute({
  method: "get",
  path: "/v1/tenants",
  scope: "read",
  tag,
  summary: "List the tenants that the caller holds",
  query: pageQuery,
  responses: { 200: { what: "One page", schema: pageOf(tenantView) } },
})(async ({ services, caller, query }) => ({ status: 200, body: await services.listTenants(caller, query) }));

const deleteTenant = defineRoute({
  method: "delete",
  path,
  scope: "destroy",
  tag,
  summary: "Remove a tenant that has no integrations",
  params,
  ifMatch: true,
  responses: { 204: { what: "Removed" } },
  problems: ["tenant_not_empty"],
})(async ({ services, caller, params: { tenant: name }, ifMatch }) => {
  await services.deleteTenant(caller, name, ifMatch === undefined ? {} : { ifMatch });
  return { status: 204 };
});

export const tenantRoutes: Route[] = [listTenants, putTenant, getTenant, deleteTenant];
