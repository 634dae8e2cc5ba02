/** GET …/bootstrap: what a tenant's account needs before the first operation. */
import { z } from "zod";
import { policyDocumentSchema } from "./policy-schema.ts";
import { defineRoute, type Route } from "./route.ts";
import { nameSchema } from "./schemas.ts";

const bootstrap = z
  .object({
    roleName: z.string(),
    trustPolicy: policyDocumentSchema.meta({ description: "The service's principal, under the tenant's own external id" }),
    permissionsPolicy: policyDocumentSchema.meta({ description: "The least that Drawbridge needs" }),
    template: z.record(z.string(), z.unknown()).meta({ description: "CloudFormation, with the role and nothing else" }),
  })
  .meta({ id: "Bootstrap" });
export type BootstrapView = z.output<typeof bootstrap>;

const read = defineRoute({
  method: "get",
  path: "/v1/tenants/{tenant}/bootstrap",
  scope: "read",
  tag: "Tenants",
  summary: "The provisioning role, as documents and as a CloudFormation template",
  description: "`format=cloudformation` is the template alone.",
  params: z.strictObject({ tenant: nameSchema }),
  query: z.strictObject({ format: z.enum(["json", "cloudformation"]).default("json") }),
  responses: { 200: { what: "What makes the role", schema: bootstrap, type: "application/json" } },
})(async ({ services, params: { tenant }, query: { format } }) => {
  const made = await services.getBootstrap(tenant);
  if (format === "json") return { status: 200, body: made };
  return { status: 200, text: `${JSON.stringify(made.template, null, 2)}\n`, type: "application/json; charset=utf-8" };
});

export const bootstrapRoutes: Route[] = [read];
