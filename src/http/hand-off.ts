/** GET …/hand-off: what the vendor's set-up form wants, the raw documents, and a template with the same effect. */
import { z } from "zod";
import { policyDocumentSchema } from "./policy-schema.ts";
import { defineRoute, type Route } from "./route.ts";
import { nameSchema } from "./schemas.ts";

const handOff = z
  .object({
    integration: nameSchema,
    title: z.string(),
    blueprint: z.string(),
    version: z.string(),
    source: z.object({ document: z.string(), date: z.string() }),
    accountId: z.string(),
    region: z.string(),
    partition: z.string(),
    fields: z
      .array(z.object({ field: z.string(), value: z.string(), where: z.string() }))
      .meta({ description: "In the vendor's own names and order; an external id stands here whole" }),
    documents: z.array(z.object({ name: z.string(), what: z.string(), document: policyDocumentSchema })),
    template: z.record(z.string(), z.unknown()).meta({ description: "CloudFormation, with the same effect as the stacks" }),
  })
  .meta({ id: "HandOff" });
export type HandOffView = z.output<typeof handOff>;

const read = defineRoute({
  method: "get",
  path: "/v1/tenants/{tenant}/integrations/{name}/hand-off",
  scope: "read",
  tag: "Integrations",
  summary: "What to give to the vendor, and what an account needs that Drawbridge may not enter",
  description: "`format=markdown` is for people, `format=cloudformation` the template alone.",
  params: z.strictObject({ tenant: nameSchema, name: nameSchema }),
  query: z.strictObject({ format: z.enum(["json", "markdown", "cloudformation"]).default("json") }),
  responses: { 200: { what: "The hand-off", schema: handOff, type: "text/markdown" } },
  problems: ["unknown_blueprint"],
})(async ({ services, params, query: { format } }) => {
  const { json, markdown } = await services.getHandOff(params);
  if (format === "markdown") return { status: 200, text: markdown, type: "text/markdown; charset=utf-8" };
  if (format === "cloudformation")
    return { status: 200, text: `${JSON.stringify(json.template, null, 2)}\n`, type: "application/json; charset=utf-8" };
  return { status: 200, body: json };
});

export const handOffRoutes: Route[] = [read];
