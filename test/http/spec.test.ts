import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import test from "node:test";
import { z } from "zod";
import { routes } from "../../src/http/routes/routes.ts";
import type { Responses } from "../../src/http/server/route.ts";
import { operationEventSchema, operationSchema, problemAnswerSchema, proofSchema } from "../../src/http/views/operation-schemas.ts";
import { integrationView, tenantView } from "../../src/http/views/schemas.ts";
import { integrationBody } from "../../src/model/integration.ts";
import { tenantBody } from "../../src/model/tenant.ts";
import { problemKinds } from "../../src/problem.ts";

const folder = path.join(import.meta.dirname, "../../docs/spec");
const read = (file: string) => readFile(path.join(folder, file), "utf8");

const schemaOf = (method: string, at: string): z.ZodType => {
  const responses: Responses | undefined = routes.find((route) => route.method === method && route.path === at)?.responses;
  const schema = responses?.[200]?.schema;
  assert.ok(schema, at);
  return schema;
};

const schemas: Record<string, z.ZodType> = {
  TenantBody: tenantBody,
  Tenant: tenantView,
  IntegrationBody: integrationBody,
  Integration: integrationView,
  Operation: operationSchema,
  OperationEvent: operationEventSchema,
  Proof: proofSchema,
  Problem: problemAnswerSchema,
  Blueprint: schemaOf("get", "/v1/blueprints/{id}"),
  Readiness: schemaOf("get", "/readyz"),
};

/** The JSON blocks that name a schema after the opening fence. */
function examples(text: string): [name: string, json: string][] {
  return [...text.matchAll(/^```json (\w+)\n([\s\S]*?)^```$/gm)].map((match) => [match[1] ?? "", match[2] ?? ""]);
}

const files = (await readdir(folder)).filter((file) => file.endsWith(".md"));

test("every example in the specification matches its schema, and every schema has an example", async () => {
  const shown = (await Promise.all(files.map(read))).flatMap(examples);
  for (const [name, json] of shown) {
    const schema = schemas[name];
    assert.ok(schema, name);
    const value = JSON.parse(json);
    assert.deepEqual(schema.parse(value), value, name);
  }
  assert.deepEqual([...new Set(shown.map(([name]) => name))].sort(), Object.keys(schemas).sort());
});

for (const [file, names] of Object.entries({
  "tenants.md": ["TenantBody", "Tenant"],
  "integrations.md": ["IntegrationBody", "Integration"],
  "operations.md": ["Operation"],
  "problems.md": ["Problem"],
})) {
  test(`${file} has a heading for every field and no other heading`, async () => {
    const headings = [...(await read(file)).matchAll(/^### `(\w+)`$/gm)].map((match) => match[1]);
    const fields = names.flatMap((name) => {
      const schema = schemas[name];
      assert.ok(schema instanceof z.ZodObject);
      return Object.keys(schema.shape);
    });
    assert.deepEqual([...headings].sort(), [...new Set(fields)].sort());
  });
}

test("problems.md lists every code with its status, retry and title", async () => {
  const rows = [...(await read("problems.md")).matchAll(/^\| `.*$/gm)].map((match) => match[0]);
  const wanted = Object.entries(problemKinds).map(
    ([code, { status, retry, title }]) => `| \`${code}\` | ${status} | ${retry} | ${title} |`,
  );
  assert.deepEqual(rows, wanted, `Put this under "Codes" in docs/spec/problems.md:\n${wanted.join("\n")}`);
});

test("the specification names every route below /v1 with its scope", async () => {
  const text = (await Promise.all(files.map(read))).join("\n");
  for (const { method, path: at, scope } of routes.filter((route) => route.path.startsWith("/v1"))) {
    const row = text.split("\n").find((line) => line.startsWith("|") && line.includes(`\`${method.toUpperCase()} ${at}\``));
    assert.ok(row?.includes(`\`${scope}\``), `${method} ${at}`);
  }
});
