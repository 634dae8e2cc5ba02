/** Gives each request an id, one line in the log and one observation in the metrics. */
import { randomUUID } from "node:crypto";
import type { Request, RequestHandler, Response } from "express";
import { Histogram, type Registry } from "prom-client";
import type { Log } from "../../log.ts";
import type { ProblemCode } from "../../problem.ts";

/** The facts about a request that its log line holds. */
export interface Trace {
  requestId: string;
  /** The route's path as documented, not the URL. */
  route?: string;
  subject?: string;
  tenant?: string;
  integration?: string;
  code?: ProblemCode;
  /** The path names a tenant that the caller doesn't hold. Only the audit records this, because the answer must not show it. */
  foreign?: true;
}

const traces = new WeakMap<Response, Trace>();

/** The trace of a response. `observe` has made it. */
export function traceOf(response: Response): Trace {
  const trace = traces.get(response);
  if (!trace) throw new Error("observe() comes first");
  return trace;
}

/** Uses X-Request-Id if it is a plain token, and makes a new id otherwise. The answer has the same id. */
export function observe(log: Log, registry: Registry): RequestHandler {
  const seconds = requestSeconds(registry);
  return (request, response, next) => {
    const start = performance.now();
    const trace: Trace = { requestId: requestId(request) };
    traces.set(response, trace);
    response.set("X-Request-Id", trace.requestId);
    response.once("close", () => {
      const ms = Math.round(performance.now() - start);
      const status = response.statusCode;
      seconds.observe({ method: request.method, route: trace.route ?? "none", status }, ms / 1000);
      log.info(response.writableFinished ? "request" : "request broken off", { ...trace, method: request.method, status, ms });
    });
    next();
  };
}

/** All listeners share one histogram. */
function requestSeconds(registry: Registry): Histogram<"method" | "route" | "status"> {
  const name = "drawbridge_http_request_seconds";
  const there = registry.getSingleMetric(name);
  if (there instanceof Histogram) return there;
  return new Histogram({
    name,
    help: "Time to answer a request, by method, documented path and status",
    labelNames: ["method", "route", "status"] as const,
    buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
    registers: [registry],
  });
}

function requestId(request: Request): string {
  const given = request.get("x-request-id") ?? "";
  return /^[A-Za-z0-9._-]{8,64}$/.test(given) ? given : randomUUID();
}
