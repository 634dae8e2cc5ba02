/** The express application: the list of routes and the handlers that all routes share. */
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from "express";
import helmet from "helmet";
import { faultFields } from "../../log.ts";
import { ProblemError } from "../../problem.ts";
import { docsPolicy } from "../routes/docs.ts";
import { routes as everyRoute } from "../routes/routes.ts";
import type { Api } from "./api.ts";
import { authenticate } from "./auth.ts";
import { observe, traceOf } from "./observe.ts";
import { problemAnswer, RequestError, sendProblem } from "./problem-response.ts";
import type { Route } from "./route.ts";
import { serve } from "./serve.ts";
import { slowRefusals } from "./slow-refusals.ts";

/** The HTTP API with all routes or only those of the list; server.ts listens with it. */
export function createApp(api: Api, routes: readonly Route[] = everyRoute): Express {
  const app = express();
  app.disable("x-powered-by");
  app.set("etag", false);
  app.set("query parser", "simple");
  app.set("case sensitive routing", true);
  app.use(observe(api.context.log, api.metrics));
  app.use(helmet({ contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } } }));
  app.use("/docs", helmet.contentSecurityPolicy(docsPolicy));
  app.use((_request, response, next) => {
    response.set("Cache-Control", "no-store");
    if (api.freeze.seen()) response.set("Drawbridge-Frozen", "true");
    next();
  });
  for (const route of routes) app[route.method](expressPath(route.path), serve(route, api));
  for (const [path, of] of byPath(routes)) app.all(expressPath(path), refuseMethod(of, api));
  app.use("/v1", needCaller(api));
  app.use(() => {
    throw new ProblemError("not_found", "No route has this path.");
  });
  app.use(answerProblem(api));
  return app;
}

/** `{tenant}` in OpenAPI is `:tenant` in express. */
function expressPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

function byPath(list: readonly Route[]): Map<string, Route[]> {
  const grouped = new Map<string, Route[]>();
  for (const route of list) grouped.set(route.path, [...(grouped.get(route.path) ?? []), route]);
  return grouped;
}

/** Below /v1, a request without a caller doesn't show which paths exist. */
function needCaller(api: Api): RequestHandler {
  return async (request, response, next) => {
    traceOf(response).subject = (await authenticate(request, api.findCaller)).subject;
    next();
  };
}

function refuseMethod(of: Route[], api: Api): RequestHandler {
  const methods = of.map((route) => route.method.toUpperCase());
  const allow = [...methods, ...(methods.includes("GET") ? ["HEAD"] : [])].join(", ");
  return async (request, response) => {
    if (of.some((route) => route.scope !== "open")) await authenticate(request, api.findCaller);
    response.set("Allow", allow);
    throw new ProblemError("method_not_allowed", `This resource takes ${allow}.`);
  };
}

function answerProblem(api: Api): ErrorRequestHandler {
  const slowly = slowRefusals();
  // express recognises an error handler by its four parameters
  return (error: unknown, request, response, _next) => {
    const trace = traceOf(response);
    const answer = problemAnswer(readable(error), trace.requestId);
    trace.code = answer.code;
    const refused = trace.foreign ? "other_tenant" : answer.code;
    if (refused === "unauthenticated" || refused === "forbidden" || refused === "other_tenant") {
      const { requestId, subject, route } = trace;
      const who = { ...(subject !== undefined && { subject }), ...(route !== undefined && { route: `${request.method} ${route}` }) };
      api.audit.refusals.note({ ...who, result: refused, requestId });
    }
    if (answer.code === "internal") api.context.log.error("fault", { ...trace, ...faultFields(error) });
    const send = () => sendProblem(response, answer, error instanceof ProblemError ? error.retryAfter : undefined);
    if (response.headersSent) response.destroy();
    else if (answer.status === 429) slowly(send);
    else send();
  };
}

/** express's router throws a URIError with status 400 on a malformed percent-encoding. */
function readable(error: unknown): unknown {
  if (!(error instanceof URIError)) return error;
  return new RequestError([{ in: "path", name: "path", detail: "The path isn't percent-encoded UTF-8" }]);
}
