/** /v1/tenants/{tenant}/integrations */

import { z } from "zod";
import { refuseManaged } from "../../gitops/accept-reconcile.ts";
import { managedBySource } from "../../gitops/reconcile-plan.ts";
import { refuseUnreadable } from "../../integrations/decide.ts";
import { deleteIntegration } from "../../integrations/delete.ts";
import { noIntegration, noTenant, requireTenant } from "../../integrations/lookup.ts";
import { previewIntegration } from "../../integrations/preview.ts";
import { putIntegration } from "../../integrations/put.ts";
import { integrationEtag } from "../../model/etag.ts";
import { integrationBody } from "../../model/integration.ts";
import { nameSchema } from "../../model/names.ts";
import { refuseFull } from "../../operations/admission.ts";
import { ProblemError } from "../../problem.ts";
import { listIntegrations } from "../../store/integrations.ts";
import { findProof } from "../../store/proofs.ts";
import { entityTag } from "../server/entity-tag.ts";
import { defineRoute, type Route } from "../server/route.ts";
import { proofSchema } from "../views/operation-schemas.ts";
import { acceptedIntegrationView, acceptedView, integrationView, pageOf, pageQuery } from "../views/schemas.ts";
import { accepted, showIntegration } from "../views/show.ts";

const tag = "Integrations";
const collection = "/v1/tenants/{tenant}/integrations";
const path = `${collection}/{name}`;
const params = z.strictObject({ tenant: nameSchema, name: nameSchema });
const etagHeader = { ETag: "Of what was written; send it as If-Match with a change" };
const locationHeader = { Location: "The operation: /v1/operations/{id}" };

const putRoute = defineRoute({
  method: "put",
  path,
  scope: "write",
  tag,
  summary: "Make an integration so, or change it",
  description: "An identical body starts nothing. A change of an existing integration needs If-Match.",
  params,
  body: integrationBody,
  refuse: refuseUnreadable,
  ifMatch: true,
  responses: {
    200: { what: "Nothing changes, and the last update succeeded", schema: integrationView, headers: etagHeader },
    202: { what: "Recorded; an operation makes it so", schema: acceptedIntegrationView, headers: { ...etagHeader, ...locationHeader } },
  },
  problems: [
    "immutable_field",
    "external_id_superseded",
    "external_id_taken",
    "claimed_by_another",
    "precondition_required",
    "too_many_operations",
    "unknown_blueprint",
    "invalid_parameters",
    "vendor_policy_refused",
    "guardrail",
  ],
})(async ({ api: { context }, caller, params: address, body, ifMatch }) => {
  const by = { requestedBy: caller.subject, credential: caller.credential };
  const request = { ...address, body, ...by, ...(ifMatch !== undefined && { ifMatch }) };
  const { tenant, record, etag, operation } = await putIntegration(context, request, ({ open, owner }) => {
    refuseFull(address.tenant, open);
    if (owner !== undefined) throw managedBySource(owner, caller.tenants);
  });
  const integration = showIntegration(record, tenant, context.now());
  const tags = { ETag: entityTag(etag) };
  if (!operation) return { status: 200, body: integration, headers: tags };
  const { body: made, headers } = accepted(operation);
  return { status: 202, body: { ...made, integration }, headers: { ...tags, ...headers } };
});

const getIntegration = defineRoute({
  method: "get",
  path,
  scope: "read",
  tag,
  summary: "Read an integration",
  params,
  responses: { 200: { what: "The integration", schema: integrationView, headers: etagHeader } },
})(async ({ api: { context, readIntegration }, params: address }) => {
  const { tenant, integration } = await readIntegration(address);
  if (!tenant) throw noTenant();
  if (!integration) throw noIntegration();
  return {
    status: 200,
    body: showIntegration(integration, tenant, context.now()),
    headers: { ETag: entityTag(integrationEtag(integration)) },
  };
});

const listRoute = defineRoute({
  method: "get",
  path: collection,
  scope: "read",
  tag,
  summary: "List a tenant's integrations",
  params: z.strictObject({ tenant: nameSchema }),
  query: pageQuery,
  responses: { 200: { what: "One page", schema: pageOf(integrationView) } },
})(async ({ api: { context }, params, query }) => {
  const tenant = await requireTenant(context, params.tenant);
  const { items, nextCursor } = await listIntegrations(context.store.db, tenant.name, query);
  return { status: 200, body: { items: items.map((record) => showIntegration(record, tenant, context.now())), nextCursor } };
});

const deleteRoute = defineRoute({
  method: "delete",
  path,
  scope: "destroy",
  tag,
  summary: "Tear an integration down",
  params,
  ifMatch: true,
  responses: { 202: { what: "An operation tears it down", schema: acceptedView, headers: locationHeader } },
})(async ({ api: { context }, caller, params: address, ifMatch }) => {
  await refuseManaged(context, { kind: "Integration", ...address }, caller.tenants);
  return accepted(await deleteIntegration(context, { ...address, requestedBy: caller.subject, ...(ifMatch !== undefined && { ifMatch }) }));
});

const previewRoute = defineRoute({
  method: "post",
  path: `${path}/preview`,
  scope: "plan",
  tag,
  summary: "Find out what a PUT of the same body would change",
  params,
  body: integrationBody,
  refuse: refuseUnreadable,
  responses: { 202: { what: "An operation finds out; nothing is changed", schema: acceptedView, headers: locationHeader } },
  problems: [
    "immutable_field",
    "external_id_superseded",
    "external_id_taken",
    "claimed_by_another",
    "too_many_operations",
    "unknown_blueprint",
    "invalid_parameters",
    "vendor_policy_refused",
    "guardrail",
  ],
})(async ({ api: { context }, caller, params: address, body }) => {
  const request = { ...address, body, requestedBy: caller.subject };
  return accepted(await previewIntegration(context, request, ({ open }) => refuseFull(address.tenant, open)));
});

const getProof = defineRoute({
  method: "get",
  path: `${path}/proof`,
  scope: "read",
  tag,
  summary: "Read the last proof: who can do what, judged on the live documents",
  params,
  responses: { 200: { what: "The proof", schema: proofSchema } },
})(async ({ api: { context }, params: { tenant, name } }) => {
  const proof = await findProof(context.store.db, tenant, name);
  if (proof === undefined) throw noIntegration();
  if (!proof) throw new ProblemError("not_found", "There is no proof yet: it comes with the integration's first successful up.");
  return { status: 200, body: proof };
});

export const integrationRoutes: Route[] = [listRoute, putRoute, getIntegration, deleteRoute, previewRoute, getProof];
