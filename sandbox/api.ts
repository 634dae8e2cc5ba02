/** The service's REST API, as the demo and the tests call it. */
import { eventsOf } from "../src/cli/event-stream.ts";
import type { Operation, OperationEvent } from "../src/model/operation.ts";

export interface Answer<T> {
  status: number;
  headers: Headers;
  body: T;
}

export interface Api {
  call<T>(method: string, route: string, options?: { body?: unknown; headers?: Record<string, string> }): Promise<Answer<T>>;
  /** Follows an operation's events until it ends; answers it. Rejects after `within` seconds. */
  finished(id: string, options?: { onEvent?: (event: OperationEvent) => void; within?: number }): Promise<Operation>;
}

const CALL_MILLISECONDS = 30_000;
const OPERATION_SECONDS = 180;

/** A caller of the API with one bearer token. */
export function createApi({ url, token }: { url: string; token: string }): Api {
  const authorization = `Bearer ${token}`;

  const call = async <T>(
    method: string,
    route: string,
    { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
  ) => {
    const answer = await fetch(`${url}${route}`, {
      method,
      headers: { authorization, ...(body !== undefined && { "content-type": "application/json" }), ...headers },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(CALL_MILLISECONDS),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: (text === "" ? undefined : JSON.parse(text)) as T };
  };

  const finished = async (
    id: string,
    { onEvent, within = OPERATION_SECONDS }: { onEvent?: (event: OperationEvent) => void; within?: number } = {},
  ) => {
    const stream = await fetch(`${url}/v1/operations/${id}/events`, {
      headers: { authorization, accept: "text/event-stream" },
      signal: AbortSignal.timeout(within * 1000),
    });
    for await (const event of eventsOf<OperationEvent>(stream)) onEvent?.(event);
    return (await call<Operation>("GET", `/v1/operations/${id}`)).body;
  };

  return { call, finished };
}
