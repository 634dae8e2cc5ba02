/** GET …/hand-off: the values for the vendor's set-up form, the raw documents, and a template with the same effect. */

import { z } from "zod";
import { getHandOff } from "../../integrations/hand-off/hand-off.ts";
import { holdsScope } from "../../model/caller.ts";
import { nameSchema } from "../../model/names.ts";
import { visibleJson } from "../../model/visible-text.ts";
import { defineRoute, type Route } from "../server/route.ts";
import { policyDocumentSchema } from "../views/policy-schema.ts";
import { cloudFormationTemplate } from "../views/schemas.ts";

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
      .meta({ description: "In the vendor's own names and order; an external id is whole for the scope `reveal` alone" }),
    documents: z.array(z.object({ name: z.string(), what: z.string(), document: policyDocumentSchema })),
    quickCreateLink: z.url().optional().meta({ description: "Opens the console with the template at `templateUrl`, ready to run" }),
    template: z.record(z.string(), z.unknown()).meta({ description: "CloudFormation, with the same effect as the stacks" }),
  })
  .meta({ id: "HandOff" });
export type HandOffView = z.output<typeof handOff>;

/** The URL of an object in S3 in the form that CloudFormation accepts (CloudFormation user guide, "Create quick-create links"). */
const s3Url = z
  .string()
  .max(1024)
  .regex(/^https:\/\/(?:[a-z0-9.-]+\.)?s3[.-][a-z0-9.-]*amazonaws\.com(?:\.cn)?\/[^\s?#]+$/, "the https URL of an object in S3");

const read = defineRoute({
  method: "get",
  path: "/v1/tenants/{tenant}/integrations/{name}/hand-off",
  scope: "read",
  reveals: true,
  tag: "Integrations",
  summary: "What to give to the vendor, and what an account needs that Drawbridge may not enter",
  description:
    "`format=markdown` is for people, `format=cloudformation` the template alone. CloudFormation's console takes templates from S3 alone: put the template there, and `templateUrl` gives the link that opens it.",
  params: z.strictObject({ tenant: nameSchema, name: nameSchema }),
  query: z.strictObject({ format: z.enum(["json", "markdown", "cloudformation"]).default("json"), templateUrl: s3Url.optional() }),
  responses: { 200: { what: "The hand-off", schema: z.union([handOff, cloudFormationTemplate]), type: "text/markdown" } },
  problems: ["unknown_blueprint", "not_approved"],
})(async ({ api: { context }, caller, params: { tenant, name }, query: { format, templateUrl } }) => {
  const asked = { templateUrl, revealed: holdsScope(caller, "reveal") };
  const { json, markdown } = await getHandOff(context, { tenant, name }, asked);
  if (format === "markdown") return { status: 200, text: markdown, type: "text/markdown; charset=utf-8" };
  if (format === "cloudformation")
    return { status: 200, text: `${visibleJson(JSON.stringify(json.template, null, 2))}\n`, type: "application/json; charset=utf-8" };
  return { status: 200, body: json };
});

export const handOffRoutes: Route[] = [read];
