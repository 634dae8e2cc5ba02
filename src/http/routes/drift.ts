/** Drift of integrations, and pauses. */

import { z } from "zod";
import { requestDetection } from "../../drift/detect-drift.ts";
import { findTenantIntegration, requireTenant } from "../../integrations/lookup.ts";
import type { Caller } from "../../model/caller.ts";
import { nameSchema } from "../../model/names.ts";
import { admit } from "../../operations/admission.ts";
import { ProblemError } from "../../problem.ts";
import { findDrift } from "../../store/drift.ts";
import { pause, pausesNow, resume } from "../../store/pauses.ts";
import type { Api } from "../server/api.ts";
import { defineRoute, type Route } from "../server/route.ts";
import { acceptedView } from "../views/schemas.ts";
import { accepted } from "../views/show.ts";

const tag = "Git";
const timestamp = z.iso.datetime();
const headers = { Location: "The operation: /v1/operations/{id}" };
const integration = z.strictObject({ tenant: nameSchema, name: nameSchema });
const tenantOnly = z.strictObject({ tenant: nameSchema });
const detectBody = z.strictObject({
  remediate: z.boolean().default(false).meta({ description: "Repair what is found now, also what came back after a repair" }),
});

const driftView = z
  .object({
    verdict: z.enum(["none", "found", "unknown"]),
    access: z.enum(["same", "wider", "narrower", "wider-and-narrower", "unknown"]),
    differences: z.array(
      z.object({
        stack: z.string(),
        document: z.string(),
        what: z.enum(["added", "removed", "changed", "missing"]),
        words: z.string(),
        expected: z.unknown().optional(),
        found: z.unknown().optional(),
      }),
    ),
    cause: z.object({ code: z.string(), detail: z.string() }).exactOptional(),
    since: timestamp.exactOptional(),
    at: timestamp,
    operation: z.string(),
    remediation: z.object({ operation: z.string(), at: timestamp }).exactOptional(),
    contested: z.object({ since: timestamp, times: z.int() }).exactOptional(),
  })
  .meta({ id: "Drift" });

const getDrift = defineRoute({
  method: "get",
  path: "/v1/tenants/{tenant}/integrations/{name}/drift",
  scope: "read",
  tag,
  summary: "Read how an integration differed from what was made, when it was last looked at",
  params: integration,
  responses: { 200: { what: "The last verdict", schema: driftView } },
})(async ({ api: { context }, params: { tenant, name } }) => {
  await findTenantIntegration(context, tenant, name);
  const drift = await findDrift(context.store.db, tenant, name);
  if (!drift) throw new ProblemError("not_found", "Nobody has looked for drift yet.");
  const { fingerprint: _fingerprint, remediation, ...view } = drift;
  return { status: 200, body: { ...view, ...(remediation && { remediation: { operation: remediation.operation, at: remediation.at } }) } };
});

async function beginToLook({ context }: Api, { subject }: Caller, asked: { tenant: string; name?: string; remediate: boolean }) {
  await admit(context.store.db, asked.tenant);
  return accepted(await requestDetection(context, { ...asked, requestedBy: subject }));
}

const detect = defineRoute({
  method: "post",
  path: "/v1/tenants/{tenant}/integrations/{name}/detect-drift",
  scope: "write",
  tag,
  summary: "Look now whether an integration is as it was made",
  params: integration,
  body: detectBody,
  responses: { 202: { what: "An operation looks", schema: acceptedView, headers } },
  problems: ["too_many_operations"],
})(({ api, caller, params, body }) => beginToLook(api, caller, { ...params, ...body }));

const detectAll = defineRoute({
  method: "post",
  path: "/v1/tenants/{tenant}/detect-drift",
  scope: "write",
  tag,
  summary: "Look now whether all integrations of a tenant are as they were made",
  params: tenantOnly,
  body: detectBody,
  responses: { 202: { what: "An operation looks", schema: acceptedView, headers } },
  problems: ["too_many_operations"],
})(({ api, caller, params, body }) => beginToLook(api, caller, { ...params, ...body }));

const pauseBody = z.strictObject({ reason: z.string().min(1).max(200) });
const pauseView = z.object({ scope: z.string(), reason: z.string(), requestedBy: z.string(), since: timestamp }).meta({ id: "Pause" });

const pauseTenant = defineRoute({
  method: "put",
  path: "/v1/tenants/{tenant}/pause",
  scope: "write",
  tag,
  summary: "Keep reconciles and remediation away from a tenant",
  params: tenantOnly,
  body: pauseBody,
  responses: { 204: { what: "Paused" } },
})(async ({ api: { context }, caller, params: { tenant }, body: { reason } }) => {
  await requireTenant(context, tenant);
  await pause(context.store.db, { scope: `tenant/${tenant}`, reason, requestedBy: caller.subject });
  return { status: 204 };
});

const resumeTenant = defineRoute({
  method: "delete",
  path: "/v1/tenants/{tenant}/pause",
  scope: "write",
  tag,
  summary: "Let reconciles and remediation work on a tenant again",
  params: tenantOnly,
  responses: { 204: { what: "Resumed" } },
})(async ({ api: { context }, params: { tenant } }) => {
  await resume(context.store.db, `tenant/${tenant}`);
  return { status: 204 };
});

const pauseService = defineRoute({
  method: "put",
  path: "/v1/pause",
  scope: "admin",
  everyTenant: true,
  tag,
  summary: "Stop every reconcile and remediation",
  body: pauseBody,
  responses: { 204: { what: "Paused" } },
})(async ({ api: { context }, caller, body: { reason } }) => {
  await pause(context.store.db, { scope: "service", reason, requestedBy: caller.subject });
  return { status: 204 };
});

const resumeService = defineRoute({
  method: "delete",
  path: "/v1/pause",
  scope: "admin",
  everyTenant: true,
  tag,
  summary: "Let reconciles and remediation work again",
  responses: { 204: { what: "Resumed" } },
})(async ({ api: { context } }) => {
  await resume(context.store.db, "service");
  return { status: 204 };
});

const listPauses = defineRoute({
  method: "get",
  path: "/v1/pause",
  scope: "read",
  everyTenant: true,
  tag,
  summary: "List what is paused",
  responses: { 200: { what: "All pauses", schema: z.object({ items: z.array(pauseView), nextCursor: z.null() }) } },
})(async ({ api: { context } }) => ({ status: 200, body: { items: await pausesNow(context.store.db), nextCursor: null } }));

export const driftRoutes: Route[] = [getDrift, detect, detectAll, pauseTenant, resumeTenant, listPauses, pauseService, resumeService];
