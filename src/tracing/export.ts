/** Sends an ended operation's spans to a collector by OTLP over HTTP, where one is configured. */
import type { CliSpan } from "../engine/engine.ts";
import { faultFields, type Log } from "../log.ts";
import { eventsAfter } from "../store/events.ts";
import { findOperation } from "../store/operations.ts";
import type { Store } from "../store/store.ts";
import { spansOf } from "./spans.ts";

export interface CollectorSettings {
  /** `http(s)://host:port`; `/v1/traces` is added (OpenTelemetry specification, "OTLP Exporter Configuration") */
  endpoint: string;
  /** Sent with every request, such as a token of the collector's */
  headers: Record<string, string>;
}

const sendWithin = 10_000;
const mostEvents = 10_000;

/** Operations whose spans are kept until they end; those of the oldest are let go. */
const mostKept = 1_000;

export interface Tracing {
  /** Tells the collector of an operation that has ended. It never waits for the collector, and a trace that can't be sent is lost. */
  ended(operationId: string): void;
  /** Keeps what the CLI did in this process for the operation, until it ends. */
  engineSpans(operationId: string, spans: CliSpan[]): void;
}

/** An exporter of operations' traces. */
export function traceExporter({ store, log, version }: { store: Store; log: Log; version: string }, to: CollectorSettings): Tracing {
  const kept = new Map<string, CliSpan[]>();
  const url = `${to.endpoint.replace(/\/+$/, "")}/v1/traces`;
  const send = async (id: string) => {
    const engine = kept.get(id) ?? [];
    kept.delete(id);
    const [operation, events] = await Promise.all([findOperation(store.db, id), eventsAfter(store.db, id, 0, mostEvents)]);
    if (!operation) return;
    const resource = { attributes: [attribute("service.name", "drawbridge"), attribute("service.version", version)] };
    const body = {
      resourceSpans: [{ resource, scopeSpans: [{ scope: { name: "drawbridge" }, spans: spansOf(operation, events, engine) }] }],
    };
    const answer = await fetch(url, {
      method: "POST",
      headers: { ...to.headers, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(sendWithin),
    });
    await answer.body?.cancel();
    if (!answer.ok) log.warn("The collector refused a trace", { operation: id, status: answer.status });
  };
  return {
    ended(id) {
      send(id).catch((error: unknown) => log.warn("A trace could not be sent", { operation: id, ...faultFields(error) }));
    },
    engineSpans(id, spans) {
      kept.set(id, [...(kept.get(id) ?? []), ...spans]);
      const [oldest] = kept.keys();
      if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
    },
  };
}

const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });
