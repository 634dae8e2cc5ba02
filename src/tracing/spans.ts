/** An operation's recorded events as spans in the OpenTelemetry protocol's JSON (OTLP 1.x, "JSON Protobuf Encoding"). Pure. */
import { hash } from "node:crypto";
import type { CliSpan } from "../engine/engine.ts";
import type { OperationEvent } from "../model/operation.ts";
import type { StoredOperation } from "../store/operations.ts";

type Value = { stringValue: string } | { intValue: string };
interface Attribute {
  key: string;
  value: Value;
}

export interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  /** SPAN_KIND_INTERNAL */
  kind: 1;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Attribute[];
  /** 1 is OK, 2 ERROR */
  status: { code: 1 | 2; message?: string };
}

interface Part {
  name: string;
  from: number;
  to: number;
  parent?: string | undefined;
  attributes?: Record<string, string | number | undefined>;
  failed?: string | undefined;
}

/** Engine updates and resource steps belong below this step where there is one. */
const updateSteps = ["update-stacks", "remove-stacks"];
const text = (value: unknown) => (typeof value === "string" ? value : "");

/**
 * The spans of an operation that has ended: the whole, its wait in the queue, its steps, each engine update (runner and CLI), each
 * resource that was changed, and inside the CLI what it told: engine, plugin calls, requests to the state bucket. The trace's id is the
 * operation's, without its dashes. Names and codes only: no documents, no external ids.
 */
export function spansOf(operation: StoredOperation, events: readonly OperationEvent[], engine: readonly CliSpan[] = []): Span[] {
  const accepted = Date.parse(operation.createdAt);
  const ended = operation.finishedAt === undefined ? Date.now() : Date.parse(operation.finishedAt);
  const { id, kind, state, tenant, integration, attempt, error } = operation;
  const whole: Part = {
    name: `operation ${kind}`,
    from: accepted,
    to: ended,
    attributes: { operation: id, tenant, integration, attempt, state },
    failed: error?.code,
  };
  const traceId = id.replaceAll("-", "");
  const parts = [whole, ...queued(accepted, events, ended), ...paired(events, ended), ...updates(events)];
  const own = parts.map((part, nth) => spanOf(part, { traceId, nth, parent: nth === 0 ? undefined : parentOf(part, parts) }));
  return [...own, ...engine.map((span) => engineSpan(span, traceId, own))];
}

/** A span that the CLI told of itself. The CLI as a whole belongs into the engine update that it was. */
function engineSpan({ id, parent, name, from, to }: CliSpan, traceId: string, own: readonly Span[]): Span {
  const parentSpanId = parent ?? updateAround(from, own)?.spanId;
  return {
    traceId,
    spanId: id,
    ...(parentSpanId !== undefined && { parentSpanId }),
    name,
    kind: 1,
    startTimeUnixNano: from,
    endTimeUnixNano: to,
    attributes: [],
    status: { code: 1 },
  };
}

/** The engine update during which something began; the whole operation where none tells of it. */
function updateAround(from: string, own: readonly Span[]): Span | undefined {
  const began = BigInt(from);
  const inside = ({ startTimeUnixNano, endTimeUnixNano }: Span) => BigInt(startTimeUnixNano) <= began && began <= BigInt(endTimeUnixNano);
  return own.find((span) => span.name === "engine update" && inside(span)) ?? own[0];
}

function parentOf(part: Part, parts: readonly Part[]): number {
  const at = parts.findIndex((one) => one !== part && one.name === part.parent && one.from <= part.from && part.from <= one.to);
  return Math.max(0, at);
}

/** Each wait: from the acceptance, or from being given back, until a run begins. */
function queued(accepted: number, events: readonly OperationEvent[], ended: number): Part[] {
  const waits: Part[] = [];
  let since: number | undefined = accepted;
  for (const { type, data, at } of events) {
    if (type !== "state") continue;
    if (data["state"] === "queued") since ??= Date.parse(at);
    else if (since !== undefined) {
      waits.push({ name: "queue", from: since, to: Date.parse(at) });
      since = undefined;
    }
  }
  return since === undefined ? waits : [...waits, { name: "queue", from: since, to: ended }];
}

/** What has a beginning and an end among the events: steps, and resources in the engine. What never ended, ends with the operation. */
function paired(events: readonly OperationEvent[], ended: number): Part[] {
  const open = new Map<string, Part>();
  const parts: Part[] = [];
  const begin = (key: string, part: Part) => {
    open.set(key, part);
    parts.push(part);
  };
  const end = (key: string, to: number, failed?: string) => {
    const part = open.get(key);
    if (!part) return;
    Object.assign(part, { to, failed });
    open.delete(key);
  };
  let update: string | undefined;
  for (const { type, data, at } of events) {
    const time = Date.parse(at);
    const name = text(data["name"]);
    if (type === "step-started") {
      begin(name, { name, from: time, to: ended, failed: "unfinished" });
      if (updateSteps.includes(name)) update = name;
    } else if (type === "step-done") end(name, time);
    else if (type === "step-failed") end(name, time, text(data["code"]));
    else if (type === "step") {
      const key = `${text(data["stack"])} ${text(data["urn"])} ${text(data["op"])}`;
      const attributes = { stack: text(data["stack"]) };
      if (data["phase"] === "planned")
        begin(key, {
          name: `${text(data["op"])} ${text(data["type"])}`,
          from: time,
          to: ended,
          parent: update,
          attributes,
          failed: "unfinished",
        });
      else end(key, time, data["phase"] === "failed" ? "failed" : undefined);
    }
  }
  return parts;
}

/** An engine update tells how long it took when it is over: the runner, its CLI, engine, plugin, state. */
function updates(events: readonly OperationEvent[]): Part[] {
  return events.flatMap(({ type, data, at }) => {
    const { duration, stack } = data;
    if (type !== "stack-up" || typeof duration !== "number") return [];
    const to = Date.parse(at);
    return [{ name: "engine update", from: to - duration, to, parent: "update-stacks", attributes: { stack: text(stack) } }];
  });
}

function spanOf(
  { name, from, to, attributes = {}, failed }: Part,
  { traceId, nth, parent }: { traceId: string; nth: number; parent: number | undefined },
): Span {
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined && value !== "");
  return {
    traceId,
    spanId: spanId(traceId, nth),
    ...(parent !== undefined && { parentSpanId: spanId(traceId, parent) }),
    name,
    kind: 1,
    startTimeUnixNano: nanoseconds(from),
    endTimeUnixNano: nanoseconds(Math.max(from, to)),
    attributes: given.map(([key, value]) => ({
      key: `drawbridge.${key}`,
      value: typeof value === "number" ? { intValue: String(value) } : { stringValue: String(value) },
    })),
    status: failed === undefined ? { code: 1 } : { code: 2, message: failed },
  };
}

const spanId = (traceId: string, nth: number) => hash("sha256", `${traceId} ${nth}`).slice(0, 16);
const nanoseconds = (milliseconds: number) => `${Math.round(milliseconds)}000000`;
