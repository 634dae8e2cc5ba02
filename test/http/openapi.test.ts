import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import test from "node:test";
import { promisify } from "node:util";
import { routes } from "../../src/http/routes/routes.ts";
import { openApiDocument, problemsOf } from "../../src/http/server/openapi.ts";
import { tags } from "../../src/http/server/route.ts";
import { problemKinds } from "../../src/problem.ts";

interface Operation {
  operationId: string;
  security: object[];
  parameters?: { in: string; name: string; required?: boolean }[];
  requestBody?: { content: Record<string, { schema: unknown }> };
  responses: Record<string, { description: string; content?: Record<string, unknown> }>;
}

const document = JSON.parse(JSON.stringify(openApiDocument(routes, "0.1.0"))) as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { properties?: Record<string, unknown>; additionalProperties?: unknown }> };
};

test("the document passes Redocly's recommended rules", async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), "openapi-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = path.join(folder, "openapi.json");
  await writeFile(file, JSON.stringify(document));
  const redocly = path.join(import.meta.dirname, "../../node_modules/@redocly/cli/bin/cli.js");
  // An open route without input has nothing to refuse, so it documents no 4xx answer
  const args = [redocly, "lint", "--format=stylish", "--max-problems=50", "--skip-rule=operation-4xx-response", file];
  const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true", NO_COLOR: "1" };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: folder, env });
  assert.match(stdout + stderr, /valid/);
  assert.doesNotMatch(stdout + stderr, /warning|error/i);
});

test("the document has every route and nothing else", () => {
  const documented = Object.entries(document.paths).flatMap(([at, methods]) => Object.keys(methods).map((method) => `${method} ${at}`));
  assert.deepEqual(documented.sort(), routes.map((route) => `${route.method} ${route.path}`).sort());
  assert.equal(
    new Set(Object.values(document.paths).flatMap((methods) => Object.values(methods).map((one) => one.operationId))).size,
    routes.length,
  );
});

for (const route of routes) {
  const operation = document.paths[route.path]?.[route.method];
  test(`${route.method} ${route.path} documents its parameters, its caller and every status it can answer`, () => {
    assert.ok(operation);
    const inPath = operation.parameters?.filter((parameter) => parameter.in === "path") ?? [];
    assert.deepEqual(
      inPath.map((parameter) => parameter.name),
      [...route.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]),
    );
    assert.ok(inPath.every((parameter) => parameter.required));
    assert.deepEqual(operation.security, route.scope === "open" ? [] : [{ bearer: [] }]);
    assert.equal(operation.requestBody !== undefined, route.body !== undefined);
    const statuses = [...Object.keys(route.responses), ...problemsOf(route).map((code) => String(problemKinds[code].status))];
    assert.deepEqual(Object.keys(operation.responses).sort(), [...new Set(statuses)].sort());
    for (const code of problemsOf(route)) {
      const { status } = problemKinds[code];
      if (!(status in route.responses)) assert.match(operation.responses[status]?.description ?? "", new RegExp(`\`${code}\``));
    }
  });
}

test("the schemas of request bodies don't allow undocumented fields", () => {
  for (const name of ["TenantBody", "IntegrationBody"]) assert.equal(document.components.schemas[name]?.additionalProperties, false);
});

test("a limit is documented as a number, although the URL holds it as text", () => {
  const limit = document.paths["/v1/tenants"]?.["get"]?.parameters?.find((parameter) => parameter.name === "limit");
  assert.deepEqual(limit, { in: "query", name: "limit", schema: { type: "integer", minimum: 1, maximum: 200, default: 50 } });
});

test("every tag is used", () => {
  assert.deepEqual([...new Set(routes.map((route) => route.tag))].sort(), Object.keys(tags).sort());
});
