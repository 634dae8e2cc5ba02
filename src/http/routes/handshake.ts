/** The steps that an integration takes with its vendor: a new proof, an external id, the vendor's own policy. */

import { z } from "zod";
import { requestVerify } from "../../integrations/proving.ts";
import { rotateExternalId } from "../../integrations/rotate-external-id.ts";
import { supplyVendorPolicy } from "../../integrations/vendor-policy.ts";
import { nameSchema } from "../../model/names.ts";
import { admit } from "../../operations/admission.ts";
import { defineRoute, type Route } from "../server/route.ts";
import { operationSchema } from "../views/operation-schemas.ts";
import { policyDocumentSchema, statementSchema } from "../views/policy-schema.ts";
import { acceptedView } from "../views/schemas.ts";
import { accepted } from "../views/show.ts";

const tag = "Integrations";
const path = "/v1/tenants/{tenant}/integrations/{name}";
const params = z.strictObject({ tenant: nameSchema, name: nameSchema });
const headers = { Location: "The operation: /v1/operations/{id}" };

const verify = defineRoute({
  method: "post",
  path: `${path}/verify`,
  scope: "write",
  tag,
  summary: "Read the live documents and judge them now",
  description: "Writes nothing, but for closing a trust that allows more than its contract.",
  params,
  responses: { 202: { what: "An operation proves it", schema: acceptedView, headers } },
  problems: ["too_many_operations"],
})(async ({ api: { context }, caller, params: address }) => {
  await admit(context.store.db, address.tenant);
  return accepted(await requestVerify(context, { ...address, requestedBy: caller.subject }));
});

const externalId = defineRoute({
  method: "post",
  path: `${path}/external-id`,
  scope: "write",
  tag,
  summary: "Supply the external id that is awaited, or replace it in place",
  description: "The role stays the same. The old id stops after the overlap, at once without one, and never comes back.",
  params,
  body: z.strictObject({
    externalId: z.string().max(1224),
    overlapMinutes: z.int().min(0).max(10_080).default(0).meta({ description: "Both ids work for so long; a week at most" }),
  }),
  responses: { 202: { what: "An operation changes the trust", schema: acceptedView, headers } },
  problems: ["invalid_parameters", "external_id_superseded", "external_id_taken", "unknown_blueprint"],
})(async ({ api: { context }, caller, params: address, body }) =>
  accepted(await rotateExternalId(context, { ...address, ...body, requestedBy: caller.subject, credential: caller.credential })),
);

const difference = z.object({
  document: z.string(),
  added: z.array(statementSchema),
  removed: z.array(statementSchema),
  kept: z.int(),
});

const vendorPolicy = defineRoute({
  method: "post",
  path: `${path}/vendor-policy`,
  scope: "write",
  tag,
  summary: "Attach the policy that the vendor issued, word for word",
  params,
  body: z.strictObject({ document: policyDocumentSchema }),
  responses: {
    202: {
      what: "An operation attaches it",
      schema: z.object({ operation: operationSchema, difference: difference.exactOptional() }),
      headers,
    },
  },
  problems: ["vendor_policy_refused", "guardrail", "unknown_blueprint"],
})(async ({ api: { context }, caller, params: address, body }) => {
  const { operation, difference: changed } = await supplyVendorPolicy(context, {
    ...address,
    ...body,
    requestedBy: caller.subject,
    credential: caller.credential,
  });
  const answer = accepted(operation);
  return { ...answer, body: { ...answer.body, ...(changed && { difference: changed }) } };
});

export const handshakeRoutes: Route[] = [verify, externalId, vendorPolicy];
