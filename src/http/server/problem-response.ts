/** Answers with problems: `application/problem+json` (RFC 9457). */
import type { Response } from "express";
import type { z } from "zod";
import { type Problem, ProblemError, pointerTo, problemKinds, problemOf } from "../../problem.ts";
import type { ProblemAnswer, RequestFault } from "../views/operation-schemas.ts";

/** The seconds after which a client can repeat a request that failed with a `later` problem. */
const retryAfterSeconds = 5;

/** The most faults that one answer lists. */
const mostFaults = 20;

/** A request that doesn't fit its schema, with all its faults. */
export class RequestError extends ProblemError {
  readonly faults: RequestFault[];
  constructor(faults: RequestFault[]) {
    const first = faults[0];
    const what = first?.name ? `${first.in === "header" ? "header" : "parameter"} ${first.name}` : (first?.pointer ?? "");
    const detail = `${what || "The body"}: ${first?.detail ?? "it doesn't fit its schema"}`;
    super("invalid_request", detail, first?.pointer === undefined ? {} : { pointer: first.pointer });
    this.faults = faults;
  }
}

/** Zod's issues as a RequestError. It says where the faults are and what is expected there, but never contains a value. */
export function requestError(where: RequestFault["in"], error: z.ZodError): RequestError {
  return new RequestError(error.issues.flatMap((issue) => faultsOf(where, issue)).slice(0, mostFaults));
}

/**
 * The answer's body for any thrown value.
 *
 * Every `not_found` has the same text: it must not show whether the resource is missing or belongs to another tenant.
 */
export function problemAnswer(thrown: unknown, requestId: string): ProblemAnswer {
  const problem: Problem = problemOf(thrown);
  const { status, title } = problemKinds[problem.code];
  const frame = { type: `urn:drawbridge:problem:${problem.code}`, title, status };
  if (problem.code === "not_found") {
    const detail = "There is nothing here under that name, or it isn't yours to see.";
    return { ...frame, code: problem.code, retry: problem.retry, detail, requestId };
  }
  if (problem.code === "internal") return { ...frame, code: problem.code, retry: problem.retry, detail: problem.detail, requestId };
  return { ...frame, ...problem, requestId, ...(thrown instanceof RequestError && { errors: thrown.faults }) };
}

/** Sends a problem with the headers for its status. `retryAfter` is in seconds, if known. */
export function sendProblem(response: Response, answer: ProblemAnswer, retryAfter?: number): void {
  if (answer.status === 401) response.set("WWW-Authenticate", "Bearer");
  if (answer.status === 503 || answer.status === 429) response.set("Retry-After", String(retryAfter ?? retryAfterSeconds));
  response.status(answer.status).set("Content-Type", "application/problem+json; charset=utf-8");
  response.end(JSON.stringify(answer));
}

function faultsOf(where: RequestFault["in"], issue: z.core.$ZodIssue): RequestFault[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) =>
      fault(where, [...issue.path, key], where === "body" ? "There is no such field" : "There is no such parameter"),
    );
  }
  const inner = issue.code === "invalid_key" ? issue.issues[0]?.message : undefined;
  return [fault(where, issue.path, inner ?? issue.message)];
}

function fault(where: RequestFault["in"], path: readonly PropertyKey[], detail: string): RequestFault {
  if (where === "body") return { in: where, pointer: pointerTo(path), detail };
  return { in: where, name: path.map(String).join("."), detail };
}
