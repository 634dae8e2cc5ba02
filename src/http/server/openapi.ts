/** The OpenAPI 3.1 document, generated from the list of routes. */
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject, type ZodOpenApiResponsesObject } from "zod-openapi";
import { type ProblemCode, problemKinds } from "../../problem.ts";
import { problemAnswerSchema } from "../views/operation-schemas.ts";
import { type ResponseSpec, type Route, tags } from "./route.ts";

const documents = new Map<string, ReturnType<typeof createDocument>>();

/** The document for a version of Drawbridge. It is generated once. */
export function openApiDocument(routes: readonly Route[], version: string): ReturnType<typeof createDocument> {
  const made = documents.get(version) ?? makeDocument(routes, version);
  documents.set(version, made);
  return made;
}

/**
 * Every refusal that a route can answer with: its own refusals, and those that follow from its facts.
 *
 * `not_ready`, `storage_full` and `internal` can happen to any request that uses the store.
 */
export function problemsOf(route: Route): ProblemCode[] {
  const codes: ProblemCode[] = ["internal"];
  if (route.scope !== "open") codes.push("unauthenticated", "forbidden", "rate_limited", "not_ready", "storage_full");
  if (route.params || route.query || route.ifMatch) codes.push("invalid_request");
  if (route.params) codes.push("not_found");
  if (route.body) codes.push("malformed_body", "invalid_request", "body_too_large", "unsupported_media_type");
  if (route.ifMatch) codes.push("precondition_failed");
  if (takesIdempotencyKey(route)) codes.push("invalid_request", "idempotency_in_flight", "idempotency_key_reused");
  return [...new Set([...codes, ...(route.problems ?? [])])];
}

function takesIdempotencyKey(route: Route): boolean {
  return route.method !== "get" && route.scope !== "open" && !route.secretAnswer;
}

function makeDocument(routes: readonly Route[], version: string): ReturnType<typeof createDocument> {
  const paths: ZodOpenApiPathsObject = {};
  for (const route of routes) paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route) };
  return createDocument({
    openapi: "3.1.0",
    info: {
      title: "Drawbridge",
      version,
      description: "Opens and closes the way between a customer's AWS account and outside vendors, and proves what it granted.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: { securitySchemes: { bearer: { type: "http", scheme: "bearer" } } },
  });
}

function operationOf(route: Route): ZodOpenApiOperationObject {
  return {
    operationId: operationId(route),
    tags: [route.tag],
    summary: route.summary,
    description: [route.description, scopeSentence(route)].filter(Boolean).join(" "),
    security: route.scope === "open" ? [] : [{ bearer: [] }],
    requestParams: { ...(route.params && { path: route.params }), ...(route.query && { query: route.query }) },
    parameters: headersOf(route),
    ...(route.body && { requestBody: { required: true, content: { "application/json": { schema: route.body } } } }),
    responses: { ...answersOf(route), ...refusalsOf(route) },
  };
}

/** `GET /v1/tenants/{tenant}` becomes `get_v1_tenants_tenant`. The name is derived, so it is unique and nobody has to maintain it. */
function operationId(route: Route): string {
  return `${route.method}${route.path.replaceAll(/[^A-Za-z0-9]+/g, "_")}`.replace(/_$/, "");
}

function scopeSentence(route: Route): string {
  if (route.scope === "open") return "Needs no caller.";
  const dryRun = route.isDryRun ? " A dry run needs the scope `plan` instead." : "";
  const reveals = route.reveals
    ? " External ids are fingerprints, unless the caller has the scope `reveal`; then the answer is audited."
    : "";
  return `Needs the scope \`${route.scope}\`${route.everyTenant ? " and every tenant" : ""}.${dryRun}${reveals}`;
}

function headersOf(route: Route): NonNullable<ZodOpenApiOperationObject["parameters"]> {
  const header = (name: string, description: string) => ({ in: "header" as const, name, description, schema: { type: "string" as const } });
  return [
    ...(route.ifMatch ? [header("If-Match", "The ETag of the state that is changed")] : []),
    ...(takesIdempotencyKey(route) ? [header("Idempotency-Key", "1 to 255 visible ASCII characters; kept for 24 hours")] : []),
    ...(route.responses[200]?.type === "text/event-stream" ? [header("Last-Event-ID", "The id of the last event that was seen")] : []),
  ];
}

function answersOf(route: Route): ZodOpenApiResponsesObject {
  return Object.fromEntries(Object.entries(route.responses).map(([status, spec]) => [status, answerOf(spec)]));
}

function answerOf(spec: ResponseSpec): ZodOpenApiResponsesObject[`${1 | 2 | 3 | 4 | 5}${string}`] {
  const headers = Object.entries(spec.headers ?? {}).map(([name, description]) => [
    name,
    { description, schema: { type: "string" as const } },
  ]);
  return {
    description: spec.what,
    ...(headers.length > 0 && { headers: Object.fromEntries(headers) }),
    ...((spec.schema || spec.type) && {
      content: {
        ...(spec.schema && { "application/json": { schema: spec.schema } }),
        // If a handler writes JSON text itself, its answer still has a schema.
        ...(spec.type && !(spec.schema && spec.type === "application/json") && { [spec.type]: { schema: { type: "string" as const } } }),
      },
    }),
  };
}

/** One response for each status. It names the problem codes with that status. */
function refusalsOf(route: Route): ZodOpenApiResponsesObject {
  const codes = Map.groupBy(problemsOf(route), (code) => problemKinds[code].status);
  const refusals: ZodOpenApiResponsesObject = {};
  for (const [status, of] of codes) {
    const key = `${status}` as `4${string}`;
    const description = of.map((code) => `\`${code}\`: ${problemKinds[code].title}`).join("; ");
    if (status in route.responses) continue;
    refusals[key] = { description, content: { "application/problem+json": { schema: problemAnswerSchema } } };
  }
  return refusals;
}
