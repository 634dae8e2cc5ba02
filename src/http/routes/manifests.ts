/** The JSON Schemas of manifests, published so that editors can complete and check manifests. */
import { z } from "zod";
import { wholeManifest, wholeManifests } from "../../model/manifest.ts";
import { defineRoute, type Route } from "../server/route.ts";

/** `manifest.json` accepts any kind; each of the others accepts one kind. */
export const manifestSchemas: Record<string, Record<string, unknown>> = {
  "manifest.json": published("manifest", wholeManifest),
  "tenant.json": published("tenant", wholeManifests.Tenant),
  "integration.json": published("integration", wholeManifests.Integration),
};

function published(name: string, schema: z.ZodType): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: "input", target: "draft-2020-12" });
  return { $schema, $id: `/schemas/${name}.json`, title: `Drawbridge ${name}`, ...rest };
}

const getSchema = defineRoute({
  method: "get",
  path: "/schemas/{file}",
  scope: "open",
  tag: "Documentation",
  summary: "A JSON Schema of manifests",
  params: z.strictObject({ file: z.enum(["manifest.json", "tenant.json", "integration.json"]) }),
  responses: { 200: { what: "The schema (JSON Schema 2020-12)", schema: z.record(z.string(), z.unknown()) } },
})(async ({ params: { file } }) => ({ status: 200, body: manifestSchemas[file] ?? {} }));

export const manifestRoutes: Route[] = [getSchema];
