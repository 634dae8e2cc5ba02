/** /v1/tenants/{tenant}/integrations */
import { z } from "zod";
import { integrationBody } from "../../model/integration.ts";
import { nameSchema } from "../../model/names.ts";
import { entityTag } from "../server/entity-tag.ts";
import { defineRoute, type Route } from "../server/route.ts";
import { proofSchema } from "../views/operation-schemas.ts";
import { acceptedIntegrationView, acceptedView, integrationView, pageOf, pageQuery } from "../views/schemas.ts";

const tag = "Integrations";
const collection = "/v1/tenants/{tenant}/integrations";
const path = `${collection}/{name}`;
const params = z.strictObject({ tenant: nameSchema, name: nameSchema });
const etagHeader = { ETag: "Of what was written; send it as If-Match with a change" };
const locationHeader = { Location: "The operation: /v1/operations/{id}" };
const location = (operation: { id: string }) => `/v1/operations/${operation.id}`;

const putIntegration = defineRoute({
  method: "put",
  path,
  scope: "write",
  tag,
  summary: "Make an integration so, or change it",
  description: "An identical body starts nothing. A change of an existing integration needs If-Match.",
  params,
  body: integrationBody,
  refuse: (services, body) => services.refuseUnreadable(body),
  ifMatch: true,
  responses: {
    200: { what: "Nothing changes, and the last update succeeded", schema: integrationView, headers: etagHeader },
    202: { what: "Recorded; an operation makes it so", schema: acceptedIntegrationView, headers: { ...etagHeader, ...locationHeader } },
  },
  problems: [
    "immutable_field",
    "external_id_superseded",
    "external_id_taken",
    "precondition_required",
    "too_many_operations",
    "unknown_blueprint",
    "invalid_parameters",
    "vendor_policy_refused",
    "guardrail",
  ],
})(async ({ services, caller, params: address, body, ifMatch }) => {
  const put = await services.putIntegration(caller, { ...address, body, ...(ifMatch !== undefined && { ifMatch }) });
  const headers = { ETag: entityTag(put.etag) };
  if (put.outcome === "unchanged") return { status: 200, body: put.integration, headers };
  const { operation, integration } = put;
  return { status: 202, body: { operation, integration }, headers: { ...headers, Location: location(operation) } };
});

const getIntegration = defineRoute({
  method: "get",
  path,
  scope: "read",
  tag,
  summary: "Read an integration",
  params,
  responses: { 200: { what: "The integration", schema: integrationView, headers: etagHeader } },
})(async ({ services, caller, params: address }) => {
  const { integration, etag } = await services.getIntegration(caller, address);
  return { status: 200, body: integration, headers: { ETag: entityTag(etag) } };
});

const listIntegrations = defineRoute({
  method: "get",
  path: collection,
  scope: "read",
  tag,
  summary: "List a tenant's integrations",
  params: z.strictObject({ tenant: nameSchema }),
  query: pageQuery,
  responses: { 200: { what: "One page", schema: pageOf(integrationView) } },
})(async ({ services, caller, params: { tenant }, query }) => ({
  status: 200,
  body: await services.listIntegrations(caller, tenant, query),
}));

const deleteIntegration = defineRoute({
  method: "delete",
  path,
  scope: "destroy",
  tag,
  summary: "Tear an integration down",
  params,
  ifMatch: true,
  responses: { 202: { what: "An operation tears it down", schema: acceptedView, headers: locationHeader } },
})(async ({ services, caller, params: address, ifMatch }) => {
  const { operation } = await services.deleteIntegration(caller, { ...address, ...(ifMatch !== undefined && { ifMatch }) });
  return { status: 202, body: { operation }, headers: { Location: location(operation) } };
});

const previewIntegration = defineRoute({
  method: "post",
  path: `${path}/preview`,
  scope: "write",
  tag,
  summary: "Find out what a PUT of the same body would change",
  params,
  body: integrationBody,
  refuse: (services, body) => services.refuseUnreadable(body),
  responses: { 202: { what: "An operation finds out; nothing is changed", schema: acceptedView, headers: locationHeader } },
  problems: [
    "immutable_field",
    "external_id_superseded",
    "external_id_taken",
    "too_many_operations",
    "unknown_blueprint",
    "invalid_parameters",
    "vendor_policy_refused",
    "guardrail",
  ],
})(async ({ services, caller, params: address, body }) => {
  const { operation } = await services.previewIntegration(caller, { ...address, body });
  return { status: 202, body: { operation }, headers: { Location: location(operation) } };
});

const getProof = defineRoute({
  method: "get",
  path: `${path}/proof`,
  scope: "read",
  tag,
  summary: "Read the last proof: who can do what, judged on the live documents",
  params,
  responses: { 200: { what: "The proof", schema: proofSchema } },
})(async ({ services, caller, params: address }) => ({ status: 200, body: await services.getProof(caller, address) }));

export const integrationRoutes: Route[] = [
  listIntegrations,
  putIntegration,
  getIntegration,
  deleteIntegration,
  previewIntegration,
  getProof,
];
