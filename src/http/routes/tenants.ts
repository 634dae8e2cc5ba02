/** /v1/tenants */
import { z } from "zod";
import { nameSchema } from "../../model/names.ts";
import { tenantBody } from "../../model/tenant.ts";
import { entityTag } from "../server/entity-tag.ts";
import { defineRoute, type Route } from "../server/route.ts";
import { acceptedView, pageOf, pageQuery, tenantView } from "../views/schemas.ts";

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
  summary: "Offboard a tenant",
  description:
    "Without integrations it is removed at once. With some, an operation closes every trust, ends the sessions, takes all integrations down and reads back that nothing is left.",
  params,
  ifMatch: true,
  responses: {
    202: { what: "An operation offboards it", schema: acceptedView, headers: { Location: "The operation: /v1/operations/{id}" } },
    204: { what: "Removed" },
  },
})(async ({ services, caller, params: { tenant: name }, ifMatch }) => {
  const { operation } = await services.deleteTenant(caller, name, ifMatch === undefined ? {} : { ifMatch });
  if (!operation) return { status: 204 };
  return { status: 202, body: { operation }, headers: { Location: `/v1/operations/${operation.id}` } };
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
export type ReceiptView = z.output<typeof receipt>;

const listReceipts = defineRoute({
  method: "get",
  path: `${path}/receipts`,
  scope: "read",
  tag,
  summary: "The receipts of a tenant's teardowns, in order, also after it was offboarded",
  params,
  responses: { 200: { what: "All of them", schema: z.object({ items: z.array(receipt) }) } },
})(async ({ services, params: { tenant } }) => ({ status: 200, body: { items: await services.listReceipts(tenant) } }));

export const tenantRoutes: Route[] = [listTenants, putTenant, getTenant, deleteTenant, listReceipts];
