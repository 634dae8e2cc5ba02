/** Health, readiness and metrics. */
import { z } from "zod";
import type { Readiness } from "../server/api.ts";
import { defineRoute, type Route } from "../server/route.ts";

const tag = "System";

const healthz = defineRoute({
  method: "get",
  path: "/healthz",
  scope: "open",
  tag,
  summary: "The process answers",
  responses: { 200: { what: "It does", schema: z.object({ status: z.literal("ok"), version: z.string() }) } },
})(async ({ api }) => ({ status: 200, body: { status: "ok", version: api.version } }));

const readinessView: z.ZodType<Readiness> = z
  .object({
    ready: z.boolean(),
    checks: z.array(
      z.object({
        name: z.string(),
        ok: z.boolean(),
        detail: z.string(),
        plugin: z.enum(["official", "stand-in"]).exactOptional(),
        version: z.string().exactOptional(),
      }),
    ),
  })
  .meta({ id: "Readiness" });

const readyz = defineRoute({
  method: "get",
  path: "/readyz",
  scope: "open",
  tag,
  summary: "Whether operations can run: CLI, plugin, store and state bucket, each by name",
  responses: {
    200: { what: "Everything is there", schema: readinessView },
    503: { what: "Something is missing; its check says what", schema: readinessView },
  },
})(async ({ api }) => {
  const readiness = await api.readiness();
  return { status: readiness.ready ? 200 : 503, body: readiness };
});

const metrics = defineRoute({
  method: "get",
  path: "/metrics",
  scope: "read",
  everyTenant: true,
  tag,
  summary: "Metrics, in Prometheus's text format",
  responses: { 200: { what: "They name no tenant", type: "text/plain" } },
})(async ({ api: { metrics } }) => ({ status: 200, text: await metrics.metrics(), type: metrics.contentType }));

export const systemRoutes: Route[] = [healthz, readyz, metrics];
