/** GET …/bootstrap: the role that a tenant's account needs before the first operation. */

import { z } from "zod";
import { requireTenant } from "../../integrations/lookup.ts";
import { holdsScope } from "../../model/caller.ts";
import { nameSchema } from "../../model/names.ts";
import { visibleJson } from "../../model/visible-text.ts";
import { bootstrapOf } from "../../tenants/bootstrap.ts";
import { reachOf } from "../../tenants/reach.ts";
import { defineRoute, type Route } from "../server/route.ts";
import { policyDocumentSchema } from "../views/policy-schema.ts";
import { cloudFormationTemplate } from "../views/schemas.ts";

const bootstrap = z
  .object({
    roleName: z.string(),
    trustPolicy: policyDocumentSchema.meta({ description: "The service's principal, under the tenant's own external id" }),
    permissionsPolicy: policyDocumentSchema.meta({ description: "The least that Drawbridge needs" }),
    template: z.record(z.string(), z.unknown()).meta({ description: "CloudFormation, with the role and nothing else" }),
  })
  .meta({ id: "Bootstrap" });
export type BootstrapView = z.output<typeof bootstrap>;

/** The list is split at commas: names of roles and buckets contain none. */
const listOfNames = z
  .string()
  .regex(/^[A-Za-z0-9_+=.@-]+(?:,[A-Za-z0-9_+=.@-]+){0,49}$/, "names with commas between them, at most 50")
  .optional();

const read = defineRoute({
  method: "get",
  path: "/v1/tenants/{tenant}/bootstrap",
  scope: "read",
  reveals: true,
  tag: "Tenants",
  summary: "The provisioning role, as documents and as a CloudFormation template",
  description:
    "The role may make roles under the blueprints' own names, those that the tenant's integrations name, and `roleNames`. With `buckets` it may touch only those and the integrations'; without, every bucket of the account. `format=cloudformation` is the template alone.",
  params: z.strictObject({ tenant: nameSchema }),
  query: z.strictObject({ format: z.enum(["json", "cloudformation"]).default("json"), roleNames: listOfNames, buckets: listOfNames }),
  responses: { 200: { what: "What makes the role", schema: z.union([bootstrap, cloudFormationTemplate]), type: "application/json" } },
})(async ({ api: { context, servicePrincipal }, caller, params, query: { format, roleNames, buckets } }) => {
  const tenant = await requireTenant(context, params.tenant);
  const asked = { roleNames: roleNames?.split(",") ?? [], ...(buckets !== undefined && { buckets: buckets.split(",") }) };
  const reach = await reachOf(context, tenant, asked);
  const made = bootstrapOf(tenant, servicePrincipal, { reach, revealed: holdsScope(caller, "reveal") });
  if (format === "json") return { status: 200, body: made };
  return { status: 200, text: `${visibleJson(JSON.stringify(made.template, null, 2))}\n`, type: "application/json; charset=utf-8" };
});

export const bootstrapRoutes: Route[] = [read];
