/** The client of the REST API. Its types are generated from the OpenAPI document (npm run generate). */
import { setTimeout as sleep } from "node:timers/promises";
import createClient, { type Client } from "openapi-fetch";
import { visibleLine, visibleValue } from "../model/visible-text.ts";
import type { components, paths } from "./api.generated.ts";
import { eventsOf } from "./event-stream.ts";
import { CommandFailure, exits } from "./failure.ts";
import type { Login } from "./login.ts";

export type Schemas = components["schemas"];
export type Operation = Schemas["Operation"];
export type OperationEvent = Schemas["OperationEvent"];
type Problem = Schemas["Problem"];

export interface Api extends Login {
  rest: Client<paths>;
  forPeople: boolean;
}

/** `forPeople`: answers are shown on a terminal, so hidden characters in them become visible. */
export function createApi(login: Login, { forPeople }: { forPeople: boolean }): Api {
  const rest = createClient<paths>({ baseUrl: login.url, headers: { authorization: `Bearer ${login.token}` } });
  if (forPeople) rest.use({ onResponse: ({ response }) => visibleAnswer(response) });
  return { ...login, rest, forPeople };
}

/** The same answer, with hidden characters made visible if it is JSON. */
async function visibleAnswer(response: Response): Promise<Response> {
  if (!/^application\/(problem\+)?json/.test(response.headers.get("content-type") ?? "")) return response;
  const { status, headers } = response;
  const text = await response.text();
  return new Response(text === "" ? null : JSON.stringify(visibleValue(JSON.parse(text))), { status, headers });
}

const eventFor = ({ forPeople }: Api, event: OperationEvent): OperationEvent =>
  forPeople ? { ...event, data: visibleValue(event.data) as OperationEvent["data"] } : event;

interface Reply<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/**
 * The body of an answer.
 *
 * @throws CommandFailure with the service's own text if it refuses
 */
export async function ask<T>(call: Promise<Reply<T>>): Promise<T> {
  const { data, error, response } = await call.catch((thrown: unknown) => {
    throw unreachable(thrown);
  });
  if (response.ok) return data as T;
  throw refusal(response.status, error);
}

function unreachable(thrown: unknown): CommandFailure {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? `: ${thrown.cause.message}` : "";
  return new CommandFailure(exits.unreachable, `The service can't be reached${cause}. Check the URL, and that it runs.`);
}

function refusal(status: number, error: unknown): CommandFailure {
  if (status === 401)
    return new CommandFailure(exits.unauthenticated, "The service doesn't take this token. Run `drawbridge login` again.");
  const problem = (typeof error === "object" && error !== null ? error : {}) as Partial<Problem>;
  const faults = (problem.errors ?? []).slice(1).map((fault) => `  ${fault.pointer ?? fault.name ?? ""} ${fault.detail}`);
  const lines = [`${problem.title ?? `HTTP ${status}`} (${problem.code ?? status})`, problem.detail ?? "", ...faults];
  return new CommandFailure(exits.failed, lines.filter(Boolean).map(visibleLine).join("\n"));
}

/** All items of a paged list. */
export async function everyItem<T>(page: (cursor: string | undefined) => Promise<{ items: T[]; nextCursor: string | null }>): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | undefined; ; ) {
    const { items: some, nextCursor } = await page(cursor);
    items.push(...some);
    if (nextCursor === null) return items;
    cursor = nextCursor;
  }
}

/**
 * Reads an operation's events from `after` until it ends or waits for an approval. If the stream breaks, it continues after the last event.
 * `on` is called once for each event.
 */
export async function followEvents(api: Api, id: string, on: (event: OperationEvent) => void, after = 0): Promise<Operation> {
  let seen = after;
  for (let failures = 0; ; ) {
    const operation = await ask(api.rest.GET("/v1/operations/{id}", { params: { path: { id } } }));
    const ended = operation.finishedAt !== undefined || operation.state === "awaiting-approval";
    try {
      for await (const event of ended ? readEvents(api, id, seen) : streamEvents(api, id, seen)) {
        seen = event.seq;
        on(eventFor(api, event));
        if (event.type === "state" && event.data["state"] === "awaiting-approval") break;
      }
      failures = 0;
    } catch (error) {
      failures += 1;
      if (failures > 5) throw unreachable(error);
      await sleep(failures * 500);
    }
    if (ended) return operation;
  }
}

/** The existing events after `after`. */
export async function* readEvents(api: Api, id: string, after: number): AsyncGenerator<OperationEvent> {
  const answer = await fetch(`${api.url}/v1/operations/${id}/events?after=${after}&limit=200`, {
    headers: { authorization: `Bearer ${api.token}`, accept: "application/json" },
  });
  const { items } = (await answer.json()) as { items: OperationEvent[] };
  for (const event of items) yield eventFor(api, event);
  const last = items.at(-1);
  if (last && items.length === 200) yield* readEvents(api, id, last.seq);
}

async function* streamEvents(api: Api, id: string, after: number): AsyncGenerator<OperationEvent> {
  const answer = await fetch(`${api.url}/v1/operations/${id}/events`, {
    headers: { authorization: `Bearer ${api.token}`, accept: "text/event-stream", "last-event-id": String(after) },
  });
  yield* eventsOf<OperationEvent>(answer);
}
