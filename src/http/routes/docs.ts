/** The documentation: the OpenAPI document and a Swagger UI page that shows it. The service serves every file itself, without a CDN. */
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { openApiDocument } from "../server/openapi.ts";
import { defineRoute, type Route } from "../server/route.ts";

const tag = "Documentation";

/** Scripts and styles of this origin only; Swagger UI's icons are data URLs. */
export const docsPolicy = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", "data:"],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
};

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Drawbridge API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const start = 'SwaggerUIBundle({ url: "/openapi.json", dom_id: "#docs", deepLinking: true, persistAuthorization: false });\n';

const assets = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"] as const;

const docs = defineRoute({
  method: "get",
  path: "/docs",
  scope: "open",
  tag,
  summary: "These pages",
  responses: { 200: { what: "A page that reads /openapi.json", type: "text/html" } },
})(async () => ({ status: 200, text: page, type: "text/html; charset=utf-8" }));

const docsAsset = defineRoute({
  method: "get",
  path: "/docs/{asset}",
  scope: "open",
  tag,
  summary: "What these pages are made of",
  params: z.strictObject({ asset: z.enum([...assets, "start.js"]) }),
  responses: { 200: { what: "A script, a style sheet or an icon", type: "*/*" } },
})(async ({ params: { asset } }) => {
  if (asset === "start.js") return { status: 200, text: start, type: "text/javascript; charset=utf-8" };
  return { status: 200, file: fileURLToPath(import.meta.resolve(`swagger-ui-dist/${asset}`)) };
});

/** The routes of the documentation. The document covers `routes()`, which includes these. */
export function docsRoutes(routes: () => readonly Route[]): Route[] {
  const openapi = defineRoute({
    method: "get",
    path: "/openapi.json",
    scope: "open",
    tag,
    summary: "This API as an OpenAPI 3.1 document",
    responses: { 200: { what: "The document", schema: z.record(z.string(), z.unknown()) } },
  })(async ({ api }) => ({ status: 200, body: { ...openApiDocument(routes(), api.version) } }));
  return [openapi, docs, docsAsset];
}
