/** Files of the repository that follow from its code: what is in them, so that a test can tell whether they are current. */
import path from "node:path";
import openapiTS, { astToString, COMMENT_HEADER } from "openapi-typescript";
import { manifestSchemas } from "../src/http/routes/manifests.ts";
import { routes } from "../src/http/routes/routes.ts";
import { openApiDocument } from "../src/http/server/openapi.ts";

const root = path.resolve(import.meta.dirname, "..");

/** Each file's absolute path and the text it should have. */
export async function generatedFiles(): Promise<Map<string, string>> {
  const document = JSON.parse(JSON.stringify(openApiDocument(routes, "0"))) as Parameters<typeof openapiTS>[0];
  const types = astToString(await openapiTS(document, { alphabetize: true }));
  const schemas = Object.entries(manifestSchemas).map(
    ([name, schema]) => [path.join(root, "schemas", name), `${JSON.stringify(schema, null, 2)}\n`] as const,
  );
  return new Map([[path.join(root, "src/cli/api.generated.ts"), `${COMMENT_HEADER}${types}`], ...schemas]);
}
