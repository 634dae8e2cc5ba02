/** Manifests on the wire, and their published JSON Schemas, so that editors complete and check them. */
import { z } from "zod";
import { pointerTo } from "../server/json.ts";
import { defineRoute, type Route } from "../server/route.ts";
import { integrationBody, nameSchema, tenantBody } from "./schemas.ts";

const labels = z
  .record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_./-]{0,62}$/, "A label has 1 to 63 letters, digits and _ . / -"), z.string().max(256))
  .refine((record) => Object.keys(record).length <= 40, "At most 40 labels")
  .exactOptional();
const apiVersion = z.literal("drawbridge/v1");
const spec = z.record(z.string(), z.unknown());

const envelopes = {
  Tenant: { apiVersion, kind: z.literal("Tenant"), metadata: z.strictObject({ name: nameSchema, labels }) },
  Integration: { apiVersion, kind: z.literal("Integration"), metadata: z.strictObject({ tenant: nameSchema, name: nameSchema, labels }) },
};

/** A manifest as the API takes it: its spec is looked into one by one, so that a faulty one doesn't stop the others. */
export const manifestBody = z
  .discriminatedUnion("kind", [z.strictObject({ ...envelopes.Tenant, spec }), z.strictObject({ ...envelopes.Integration, spec })])
  .meta({ id: "Manifest" });

const bodies = { Tenant: tenantBody, Integration: integrationBody };

/** Whether a spec is a body that the PUT of its kind takes; `pointer` leads into the spec. */
export function readManifestSpec(
  kind: "Tenant" | "Integration",
  value: Record<string, unknown>,
): { ok: true; value: Record<string, unknown> } | { ok: false; detail: string; pointer: string } {
  const parsed = bodies[kind].safeParse(value);
  if (parsed.success) return { ok: true, value: parsed.data };
  const issue = parsed.error.issues[0];
  const path = [...(issue?.path ?? []), ...(issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [])];
  const what = issue?.code === "unrecognized_keys" ? "There is no such field" : (issue?.message ?? "It doesn't fit");
  return { ok: false, pointer: pointerTo(path), detail: `spec${pointerTo(path)}: ${what}.` };
}

/** `manifest.json` takes any kind; the others one each. */
export const manifestSchemas: Record<string, Record<string, unknown>> = {
  "manifest.json": published("manifest", z.discriminatedUnion("kind", [whole("Tenant"), whole("Integration")])),
  "tenant.json": published("tenant", whole("Tenant")),
  "integration.json": published("integration", whole("Integration")),
};

function whole(kind: "Tenant" | "Integration") {
  return z.strictObject({ ...envelopes[kind], spec: bodies[kind] });
}

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
