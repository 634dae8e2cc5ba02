/**
 * A route is data. serve.ts serves it and openapi.ts documents it from the same object, so the two always agree. A route without a scope,
 * with a loose body or with an undocumented answer doesn't compile.
 */
import type { z } from "zod";
import type { Caller, Scope } from "../../model/caller.ts";
import type { OperationEvent } from "../../model/operation.ts";
import type { ProblemCode } from "../../problem.ts";
import type { Api } from "./api.ts";

/** The groups of routes in the documentation. */
export const tags = {
  Tenants: "A customer's AWS account and the role through which Drawbridge enters it",
  Integrations: "One tenant's use of one blueprint: put it, preview it, prove it, take it away",
  Blueprints: "The vendors' recipes",
  Vendors: "Third parties, over all tenants",
  Operations: "What is being done or was done, step by step",
  System: "Whether the service lives and works",
  "Trusted principals": "Whom integrations of vendors without a blueprint may trust",
  Claims: "Which tenant uses which account and resource",
  Keys: "KMS keys that Drawbridge made, in use and left over",
  Git: "Repositories as the source of truth: reconcile, sources, webhooks, drift",
  "API keys": "Who may call, for which tenants, and what",
  Audit: "Who did what, before and after",
  Documentation: "This document and its pages",
} as const;
export type Tag = keyof typeof tags;

export type Method = "get" | "put" | "post" | "delete";

/** `open` routes need no caller and give no information about tenants. */
export type RouteScope = Scope | "open";

/** An object schema that refuses unknown fields. */
export type StrictObject = z.ZodObject<z.core.$ZodLooseShape, z.core.$strict>;

export interface ResponseSpec {
  /** The description in the documentation. */
  what: string;
  /** The schema of a JSON body. */
  schema?: z.ZodType;
  /** The media type, if the body isn't JSON or JSON is only one of its forms. */
  type?: string;
  /** Header names and their descriptions. */
  headers?: Record<string, string>;
}

export type Responses = Record<number, ResponseSpec>;

export interface RouteInput<S extends RouteScope, P, Q, B> {
  api: Api;
  caller: S extends "open" ? undefined : Caller;
  params: P;
  query: Q;
  body: B;
  /** The entity tag of If-Match, without quotes, or `*`. */
  ifMatch?: string;
  /** The body, if the route has a raw body. */
  bytes?: Uint8Array;
  /** Returns a header of the request by its lower-case name. */
  header(name: string): string | undefined;
  /** Aborts when the client disconnects or the service shuts down. */
  signal: AbortSignal;
}

/** An answer that isn't a JSON body. */
type OtherContent = { text: string; type: string } | { file: string } | { events: AsyncIterable<OperationEvent> };
type Content<Spec> = Spec extends { schema: infer T extends z.ZodType }
  ? { body: z.output<T> } | (Spec extends { type: string } ? OtherContent : never)
  : Spec extends { type: string }
    ? OtherContent
    : { body?: undefined };

/** One of the documented answers. */
export type AnswerOf<R extends Responses> = {
  [S in keyof R & number]: { status: S; headers?: Record<string, string> } & Content<R[S]>;
}[keyof R & number];

/** An answer that a route has returned, of any type. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
  text?: string;
  type?: string;
  file?: string;
  events?: AsyncIterable<OperationEvent>;
}

interface RouteFacts {
  method: Method;
  /** The path in OpenAPI's form: `/v1/tenants/{tenant}`. If a parameter is named `tenant`, the caller's access to it is checked first. */
  path: string;
  summary: string;
  /** More text for the documentation. */
  description?: string;
  tag: Tag;
  /** Only callers that hold every tenant may use the route. */
  everyTenant?: true;
  /** The answer holds a secret, so it is never stored for an Idempotency-Key. */
  secretAnswer?: true;
  /** A caller with the scope `reveal` gets external ids in the answer, and the audit records it. Other callers get fingerprints. */
  reveals?: true;
  /** The route reads If-Match. */
  ifMatch?: true;
  /** The body can be of any type and is read as bytes. The handler checks it by its signature. */
  rawBody?: true;
  /** The most bytes of a body. Default: 64 KiB. */
  bodyLimit?: number;
  /** The route's own refusals. The documentation adds those that follow from the fields above. */
  problems?: readonly ProblemCode[];
}

interface RouteDefinition<S extends RouteScope, P extends StrictObject, Q extends StrictObject, B extends StrictObject, R extends Responses>
  extends RouteFacts {
  scope: S;
  params?: P;
  query?: Q;
  body?: B;
  /** Whether a body asks for a dry run, which needs the scope `plan` instead of the route's own. */
  isDryRun?(body: z.output<B>): boolean;
  /** Refuses a body that is wrong whatever the current state is. Like every malformed request, such a request isn't audited. */
  refuse?(body: z.output<B>): void;
  responses: R;
}

/** A route as an element of the list, without its types. */
export interface Route extends RouteFacts {
  scope: RouteScope;
  params?: StrictObject;
  query?: StrictObject;
  body?: StrictObject;
  isDryRun?(body: unknown): boolean;
  refuse?(body: unknown): void;
  responses: Responses;
  handle(input: RouteInput<RouteScope, unknown, unknown, unknown>): Promise<Answer>;
}

/**
 * Checks a route against its own schemas and makes it an element of the list. `defineRoute({facts})(handler)` has two steps because the
 * handler's types follow from the facts.
 *
 * The cast drops the types, which are checked at this point: serve.ts gives the handler the values that the schemas returned.
 */
export function defineRoute<
  S extends RouteScope,
  const R extends Responses,
  P extends StrictObject = StrictObject,
  Q extends StrictObject = StrictObject,
  B extends StrictObject = StrictObject,
>(definition: RouteDefinition<S, P, Q, B, R>) {
  type Input = RouteInput<S, z.output<P>, z.output<Q>, z.output<B>>;
  return (handle: (input: Input) => Promise<AnswerOf<R>>): Route => ({ ...definition, handle }) as unknown as Route;
}

/** `PUT /v1/tenants/{tenant}`: the route's name in logs, metrics and idempotency keys. */
export function routeName(route: Pick<Route, "method" | "path">): string {
  return `${route.method.toUpperCase()} ${route.path}`;
}
