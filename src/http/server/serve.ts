/** Serves one request: caller, scope, tenant, limits, body, idempotency, audit, handler, answer. */
import { hash } from "node:crypto";
import type { Request, RequestHandler, Response } from "express";
import type { AuditFacts } from "../../model/audit-entry.ts";
import { type Caller, holdsScope, holdsTenant } from "../../model/caller.ts";
import { ProblemError } from "../../problem.ts";
import type { Api } from "./api.ts";
import { beginAudit } from "./audited.ts";
import { authenticate } from "./auth.ts";
import { bytesReader, type JsonBody, jsonBodyReader } from "./body.ts";
import { readIfMatch } from "./entity-tag.ts";
import { sendEvents } from "./event-stream.ts";
import { idempotentRequest, runOnce } from "./idempotency.ts";
import { traceOf } from "./observe.ts";
import { RequestError, requestError } from "./problem-response.ts";
import { type Answer, type Route, type RouteScope, routeName, type StrictObject } from "./route.ts";
import { watchCaller } from "./watched-caller.ts";

/** The express handler of a route. The app's error handler answers its errors. */
export function serve(route: Route, api: Api): RequestHandler {
  const readBody = route.body && jsonBodyReader(route.bodyLimit);
  const readBytes = route.rawBody && bytesReader(route.bodyLimit);
  return async (request, response) => {
    traceOf(response).route = route.path;
    const caller = route.scope === "open" ? undefined : await admit(route, request, response, api);
    const params = check(route.params, request.params, "path");
    if (caller) {
      refuseOthersTenant(caller, request, response);
      const { tenant } = traceOf(response);
      const counted = { destroys: route.scope === "destroy", writes: isMutation(route), ...(tenant !== undefined && { tenant }) };
      await api.limits.count(caller.subject, counted);
    }
    const query = check(route.query, request.query, "query");
    const ifMatch = route.ifMatch ? readIfMatch(request.get("if-match")) : undefined;
    const body = readBody ? await readBody(request, response) : undefined;
    const bytes = readBytes ? await readBytes(request, response) : undefined;
    const run = async (): Promise<Answer> => {
      const input = {
        api,
        caller,
        params,
        query,
        body: body && check(route.body, body.value, "body"),
        ...(bytes && { bytes }),
        ...(ifMatch !== undefined && { ifMatch }),
        header: (name: string) => request.get(name),
        // Made only when a handler asks for it: few routes need it, and each one adds a listener to `closing`, which exists as long as the
        // process
        get signal() {
          return endOf(request, response);
        },
      };
      if (caller && route.isDryRun) requireScope(caller, route.isDryRun(input.body) ? "plan" : route.scope);
      route.refuse?.(input.body);
      if (!caller || !isAudited(route, caller)) return route.handle(input);
      const { tenant } = traceOf(response);
      // A request that removes access isn't slowed down. It has its own limit.
      if (tenant !== undefined && isMutation(route) && route.scope !== "destroy") await api.limits.keepPace(tenant);
      const row = await beginAudit(api, caller, auditFacts(route, request, response, body));
      try {
        const answer = await route.handle(input);
        await row.answered(answer);
        return answer;
      } catch (error) {
        await row.failed(error);
        throw error;
      }
    };
    const answer = await maybeOnce(route, api, request, caller, body, run);
    if (answer.events && caller) await stream(request, response, answer, { api, caller });
    else await send(request, response, answer);
  };
}

/** The caller, if the caller holds the route's scope. */
async function admit(route: Route, request: Request, response: Response, api: Api): Promise<Caller> {
  const caller = await authenticate(request, api.findCaller);
  traceOf(response).subject = caller.subject;
  // The body decides which of the two scopes the request needs, and it isn't read yet.
  const isForDryRuns = route.isDryRun !== undefined && holdsScope(caller, "plan");
  if (!isForDryRuns) requireScope(caller, route.scope);
  if (route.everyTenant && caller.tenants !== "*") throw new ProblemError("forbidden", "This needs a caller that holds every tenant.");
  return caller;
}

function requireScope(caller: Caller, scope: RouteScope): void {
  if (scope !== "open" && !holdsScope(caller, scope)) throw new ProblemError("forbidden", `This needs the scope ${scope}.`);
}

/** Mutations are audited, and so are answers that hold external ids. */
function isAudited(route: Route, caller: Caller): boolean {
  return isMutation(route) || (route.reveals === true && holdsScope(caller, "reveal"));
}

/** Whether the route changes something, here or in AWS. POST isn't enough: explanations use POST too. */
function isMutation(route: Route): boolean {
  return route.method !== "get" && route.scope !== "read";
}

function auditFacts(
  route: Route,
  request: Request,
  response: Response,
  body: JsonBody | undefined,
): Omit<AuditFacts, "subject" | "before"> {
  const { requestId, tenant, integration } = traceOf(response);
  const { id } = request.params;
  return {
    action: routeName(route),
    requestId,
    ...(tenant !== undefined && { tenant }),
    ...(integration !== undefined && { integration }),
    ...(route.path.startsWith("/v1/operations/{id}") && typeof id === "string" && { operation: id }),
    ...(body && { request: hash("sha256", body.bytes) }),
  };
}

/** This is the only place that checks the caller's access to the path's tenant. */
function refuseOthersTenant(caller: Caller, request: Request, response: Response): void {
  const { tenant, name } = request.params;
  if (typeof tenant !== "string") return;
  const trace = traceOf(response);
  if (!holdsTenant(caller, tenant)) {
    trace.foreign = true;
    throw new ProblemError("not_found", "This tenant isn't the caller's.");
  }
  trace.tenant = tenant;
  if (typeof name === "string") trace.integration = name;
}

function check(schema: StrictObject | undefined, value: unknown, where: "path" | "query" | "body"): unknown {
  if (!schema) return {};
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw requestError(where, parsed.error);
}

async function maybeOnce(
  route: Route,
  api: Api,
  request: Request,
  caller: Caller | undefined,
  body: JsonBody | undefined,
  run: () => Promise<Answer>,
): Promise<Answer> {
  const key = request.get("idempotency-key");
  if (key === undefined || route.method === "get" || !caller) return run();
  if (route.secretAnswer) {
    throw new RequestError([{ in: "header", name: "Idempotency-Key", detail: "This answer is given once and never kept" }]);
  }
  const bytes = body?.bytes ?? Buffer.alloc(0);
  // An answer that revealed something is repeated only to a caller who may still see it.
  const revealed = route.reveals && holdsScope(caller, "reveal") ? " reveal" : "";
  const parts = { caller: `${caller.subject}${revealed}`, route: routeName(route), url: request.originalUrl, body: bytes };
  return runOnce(api.context.store.db, idempotentRequest(key, parts), run);
}

/** Aborts when the client disconnects or the server closes (server.ts). */
function endOf(request: Request, response: Response): AbortSignal {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const closing: unknown = request.app.get("closing");
  return closing instanceof AbortSignal ? AbortSignal.any([gone.signal, closing]) : gone.signal;
}

/** Sends events as long as the caller may read them. A caller has a limited number of streams. */
async function stream(request: Request, response: Response, answer: Answer, { api, caller }: { api: Api; caller: Caller }): Promise<void> {
  const close = api.limits.openStream(caller.subject);
  const unwatch = watchCaller(api, request, caller, () => response.destroy());
  try {
    await send(request, response, answer);
  } finally {
    unwatch();
    close();
  }
}

/** If we send the body ourselves, express's `send` isn't used: it would answer 304 by an ETag that covers only the desired state. */
async function send(request: Request, response: Response, answer: Answer): Promise<void> {
  response.status(answer.status).set(answer.headers ?? {});
  if (answer.events) return sendEvents(request, response, answer.events);
  if (answer.file) {
    response.set("Cache-Control", "no-cache").sendFile(answer.file);
    return;
  }
  if (answer.text !== undefined) {
    response.set("Content-Type", answer.type ?? "text/plain; charset=utf-8").end(answer.text);
    return;
  }
  if (answer.body === undefined || answer.body === null) {
    response.end();
    return;
  }
  response.set("Content-Type", "application/json; charset=utf-8").end(JSON.stringify(answer.body));
}
