/** /v1/webhooks: GitHub's push deliveries. Only their signature identifies the sender. */

import { z } from "zod";
import { receiveDelivery } from "../../gitops/sources.ts";
import { nameSchema } from "../../model/names.ts";
import { defineRoute, type Route } from "../server/route.ts";

const webhook = defineRoute({
  method: "post",
  path: "/v1/webhooks/{source}",
  scope: "open",
  tag: "Git",
  summary: "Take a push delivery of GitHub",
  description:
    "Signed with the source's secret (X-Hub-Signature-256 over the body as sent). A push to the source's branch makes the service fetch that branch itself; a delivery that was seen before, and any other event, is ignored.",
  params: z.strictObject({ source: nameSchema }),
  rawBody: true,
  bodyLimit: 1024 * 1024,
  responses: {
    200: { what: "Authentic, and nothing to do", schema: z.object({ ignored: z.string() }) },
    202: { what: "The branch is fetched", schema: z.object({ operation: z.string() }) },
  },
  problems: ["unauthenticated", "malformed_body", "body_too_large", "not_ready"],
})(async ({ api: { context }, params: { source }, bytes = new Uint8Array(), header }) => {
  const taken = await receiveDelivery(context, source, { bytes, header });
  if ("ignored" in taken) return { status: 200, body: { ignored: taken.ignored } };
  return { status: 202, body: { operation: taken.operation.id } };
});

export const webhookRoutes: Route[] = [webhook];
