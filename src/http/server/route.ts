/**
 * A route is data: the same object is served (serve.ts) and documented (openapi.ts), so neither can say anything else
 * than the other. A route without a scope, with a loose body or with an undocumented answer doesn't compile.
 */
import type { z } from "zod";
import type { Caller, Scope } from "../../model/caller.ts";
import type { OperationEvent } from "../../model/operation.ts";
import type { ProblemCode } from "../../problem.ts";
import type { Api } from "./api.ts";

/** What routes are grouped by in the documentation. */
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

/** `open` routes need no caller and say nothing about tenants. */
export type RouteScope = Scope | "open";

/** Refuses fields that it doesn't know. */
export type StrictObject = z.ZodObject<z.core.$ZodLooseShape, z.core.$strict>;

export interface ResponseSpec {
  /** For the documentation. */
  what: string;
  /** Of a JSON body. */
  schema?: z.ZodType;
  /** The media type, where it isn't JSON or where JSON isn't the only one. */
  type?: string;
  /** Header names and what they hold. */
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
  /** Of a route with a raw body. */
  bytes?: Uint8Array;
  /** A header of the request, by its lower-case name. */
  header(name: string): string | undefined;
  /** Aborts when the client goes away or the service shuts down. */
  signal: AbortSignal;
}

/** What isn't a JSON body. */
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

/** An answer once it is out of its route. */
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
  /** OpenAPI's form: `/v1/tenants/{tenant}`. A parameter named `tenant` is authorised before anything else happens. */
  path: string;
  summary: string;
  /** Further words for the documentation. */
  description?: string;
  tag: Tag;
  /** Only for callers that hold every tenant. */
  everyTenant?: true;
  /** Its answer holds a secret, so it is never kept for an Idempotency-Key. */
  secretAnswer?: true;
  /** Its answer holds external ids for a caller with the scope `reveal`, and is then a row of the audit; others get fingerprints. */
  reveals?: true;
  /** Takes If-Match. */
  ifMatch?: true;
  /** Takes a body of any kind as bytes: its handler judges them, by their signature. */
  rawBody?: true;
  /** Bytes; 64 KiB unless said. */
  bodyLimit?: number;
  /** Refusals of this route's own; those that follow from the fields above are added by the documentation. */
  problems?: readonly ProblemCode[];
}

interface RouteDefinition<S extends RouteScope, P extends StrictObject, Q extends StrictObject, B extends StrictObject, R extends Responses>
  extends RouteFacts {
  scope: S;
  params?: P;
  query?: Q;
  body?: B;
  /** Whether a body asks for a dry run, which takes the scope `plan` in the place of the route's own. */
  isDryRun?(body: z.output<B>): boolean;
  /** Refuses a body that is wrong in every state. Such a request isn't audited, like every malformed one. */
  refuse?(body: z.output<B>): void;
  responses: R;
}

/** A route as the list holds it. */
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
 * Checks a route against its own schemas and makes it one of the list: `defineRoute({facts})(handler)`, in two steps
 * because the handler's types follow from the facts.
 *
 * The cast forgets the types that were just checked: serve.ts gives the handler what the schemas returned.
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

/** `PUT /v1/tenants/{tenant}`: how logs, metrics and idempotency keys name a route. */
export function routeName(route: Pick<Route, "method" | "path">): string {
  return `${route.method.toUpperCase()} ${route.path}`;
}
