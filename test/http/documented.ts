/** Checks that the API's own documentation describes an answer. */
import assert from "node:assert/strict";
import { routes } from "../../src/http/routes/routes.ts";
import { problemsOf } from "../../src/http/server/openapi.ts";
import { type Route, routeName } from "../../src/http/server/route.ts";
import { problemAnswerSchema } from "../../src/http/views/operation-schemas.ts";
import type { Reply } from "./call.ts";

/** The route that serves a method and a URL. */
export function routeOf(method: string, url: string): Route {
  const path = url.split("?")[0] ?? "";
  const found = routes.find(
    (route) => route.method.toUpperCase() === method && new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path),
  );
  assert.ok(found, `${method} ${path}`);
  return found;
}

/** The status, the body and the headers must be documented, and so must a refusal's code. A field that isn't documented fails. */
export function assertDocumented(method: string, url: string, reply: Reply): void {
  const route = routeOf(method, url);
  const spec = route.responses[reply.status];
  if (!spec) {
    const problem = problemAnswerSchema.parse(reply.json);
    assert.deepEqual(problem, reply.json);
    assert.ok(problemsOf(route).includes(problem.code), `${routeName(route)} doesn't document ${problem.code}: ${problem.detail}`);
    return;
  }
  if (spec.schema && !reply.headers["content-type"]?.startsWith("text/")) assert.deepEqual(spec.schema.parse(reply.json), reply.json);
  else if (!spec.type) assert.equal(reply.text, "");
  for (const header of Object.keys(spec.headers ?? {})) assert.ok(reply.headers[header.toLowerCase()], `${routeName(route)}: ${header}`);
}
