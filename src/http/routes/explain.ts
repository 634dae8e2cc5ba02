/** /v1/tenants/{tenant}/explain */

import { z } from "zod";
import { explainAccess } from "../../integrations/explain.ts";
import { nameSchema } from "../../model/names.ts";
import { defineRoute, type Route } from "../server/route.ts";

const contextValue = z.union([z.string().max(2048), z.array(z.string().max(2048)).max(100)]);

const explanation = z
  .object({
    decision: z.enum(["allowed", "implicitly-denied", "explicitly-denied", "undetermined"]),
    sentences: z.array(z.string()),
    deciding: z.array(
      z.object({ document: z.string(), sid: z.string().exactOptional(), effect: z.enum(["Allow", "Deny"]), reason: z.string() }),
    ),
  })
  .meta({ id: "Explanation" });
export type ExplanationView = z.output<typeof explanation>;

const explain = defineRoute({
  method: "post",
  path: "/v1/tenants/{tenant}/explain",
  scope: "read",
  tag: "Tenants",
  summary: "Why somebody may or may not do something, over the live documents",
  params: z.strictObject({ tenant: nameSchema }),
  body: z.strictObject({
    principal: z.string().min(1).max(2048),
    action: z.string().regex(/^[a-z0-9-]+:[A-Za-z0-9]+$/, "An action is <service>:<Action>, without wildcards"),
    resource: z.string().min(1).max(2048),
    context: z.record(z.string().max(256), contextValue).default({}),
  }),
  responses: { 200: { what: "The decision, in plain sentences", schema: explanation } },
  problems: ["account_unreachable", "aws_denied", "aws_rejected", "aws_throttled"],
})(async ({ api: { context }, params: { tenant }, body }) => ({ status: 200, body: await explainAccess(context, tenant, body) }));

export const explainRoutes: Route[] = [explain];
