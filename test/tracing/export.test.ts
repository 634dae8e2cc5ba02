import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { readConfig } from "../../src/config.ts";
import type { LogFields } from "../../src/log.ts";
import { createCancelRegistry } from "../../src/operations/cancel.ts";
import { runOperation, type Verb } from "../../src/operations/run.ts";
import { ProblemError } from "../../src/problem.ts";
import { createOperation } from "../../src/store/operations.ts";
import { traceExporter } from "../../src/tracing/export.ts";
import type { Span } from "../../src/tracing/spans.ts";
import { backends, type Opened, silent } from "../store/backends.ts";

interface Received {
  url: string | undefined;
  token: string | undefined;
  spans: Span[];
}

let opened: Opened;
const received: Received[] = [];
let status = 200;
const collector = createServer(async (request, response) => {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  const { resourceSpans } = JSON.parse(text) as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] };
  received.push({ url: request.url, token: request.headers["x-token"]?.toString(), spans: resourceSpans[0]?.scopeSpans[0]?.spans ?? [] });
  response.writeHead(status).end("{}");
  collector.emit("received");
});

before(async () => {
  opened = await (backends[0] as (typeof backends)[number]).open();
  collector.listen(0, "127.0.0.1");
  await once(collector, "listening");
});
after(async () => {
  collector.closeAllConnections();
  collector.close();
  await opened?.remove();
});

const endpoint = () => `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;

async function run(verb: Verb, { to = endpoint(), warnings = [] }: { to?: string; warnings?: string[] } = {}): Promise<string> {
  const { store } = opened;
  const operation = await createOperation(store.db, {
    ...{ kind: "up", tenant: "acme", integration: "c1", requestedBy: "ci", deadlineSeconds: 60 },
    request: { parameters: { secret: "an-external-id-of-somebody" } },
  });
  const log = { ...silent, warn: (message: string, _fields?: LogFields) => void warnings.push(message) };
  const { ended } = traceExporter({ store, log, version: "1.2.3" }, { endpoint: `${to}/`, headers: { "x-token": "t" } });
  const context = { store, log: silent, cancels: createCancelRegistry(), owner: "me", ended };
  await runOperation(context, operation, verb, new AbortController().signal);
  return operation.id;
}

const urn = "urn:pulumi:s::p::aws:iam/role:Role::role";
const step = { stack: "role/r", urn, type: "aws:iam/role:Role", op: "create" };

test("an operation's queue, steps, engine update and resources arrive as one trace, without what was asked for", async () => {
  const arrival = once(collector, "received");
  const id = await run(async ({ step: during, progress }) => {
    await during("preflight", async () => {});
    await during("update-stacks", async () => {
      await progress("step", { ...step, phase: "planned" });
      await progress("step", { ...step, phase: "done" });
      await progress("stack-up", { stack: "role/r", changes: { create: 1 }, duration: 0 });
    });
  });
  await arrival;
  const [{ url, token, spans } = { url: "", token: "", spans: [] }] = received.splice(0);
  assert.deepEqual([url, token], ["/v1/traces", "t"]);
  const named = new Map(spans.map((span) => [span.name, span]));
  assert.deepEqual([...named.keys()].sort(), [
    "create aws:iam/role:Role",
    "engine update",
    "operation up",
    "preflight",
    "queue",
    "update-stacks",
  ]);
  const parentOf = (name: string) => spans.find(({ spanId }) => spanId === named.get(name)?.parentSpanId)?.name;
  assert.deepEqual(["preflight", "create aws:iam/role:Role", "engine update", "operation up"].map(parentOf), [
    "operation up",
    "update-stacks",
    "update-stacks",
    undefined,
  ]);
  for (const {
    traceId,
    spanId,
    startTimeUnixNano,
    endTimeUnixNano,
    status: { code },
  } of spans) {
    assert.equal(traceId, id.replaceAll("-", ""));
    assert.match(spanId, /^[0-9a-f]{16}$/);
    assert.ok(BigInt(startTimeUnixNano) <= BigInt(endTimeUnixNano));
    assert.equal(code, 1);
  }
  assert.equal(new Set(spans.map(({ spanId }) => spanId)).size, spans.length);
  assert.ok(!JSON.stringify(spans).includes("an-external-id-of-somebody"));
});

test("what the CLI told of an update hangs below it, and is told once", async () => {
  const { store } = opened;
  const tracing = traceExporter({ store, log: silent, version: "1.2.3" }, { endpoint: endpoint(), headers: {} });
  const { id } = await createOperation(store.db, { kind: "up", tenant: "acme", request: {}, requestedBy: "ci", deadlineSeconds: 60 });
  const now = BigInt(Date.now()) * 1_000_000n;
  const times = { from: String(now), to: String(now + 5n) };
  tracing.engineSpans(id, [
    { id: "a".repeat(16), name: "cli", ...times },
    { id: "b".repeat(16), parent: "a".repeat(16), name: "engine", ...times },
  ]);
  for (const count of [2, 0]) {
    const arrival = once(collector, "received");
    tracing.ended(id);
    await arrival;
    const [{ spans } = { spans: [] }] = received.splice(0);
    const told = spans.filter(({ name }) => name === "cli" || name === "engine");
    assert.equal(told.length, count);
    if (count > 0)
      assert.deepEqual(
        told.map(({ traceId, parentSpanId }) => [traceId, parentSpanId]),
        [
          [id.replaceAll("-", ""), spans[0]?.spanId],
          [id.replaceAll("-", ""), "a".repeat(16)],
        ],
      );
  }
});

test("a failure is marked where it happened and on the whole, by its code alone", async () => {
  const arrival = once(collector, "received");
  await run(async ({ step: during }) => {
    await during("prove", async () => {
      throw new ProblemError("proof_failed_contained", "a sentence with details");
    });
  });
  await arrival;
  const [{ spans } = { spans: [] }] = received.splice(0);
  const failed = spans.filter((span) => span.status.code === 2).map((span) => [span.name, span.status.message]);
  assert.deepEqual(failed, [
    ["operation up", "proof_failed_contained"],
    ["prove", "proof_failed_contained"],
  ]);
  assert.ok(!JSON.stringify(spans).includes("details"));
});

test("a collector that refuses or isn't there costs a warning and nothing else", async () => {
  const warnings: string[] = [];
  status = 500;
  const arrival = once(collector, "received");
  await run(async () => {}, { warnings });
  await arrival;
  await run(async () => {}, { warnings, to: "http://127.0.0.1:1" });
  for (let tries = 0; warnings.length < 2 && tries < 100; tries++) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(warnings.sort(), ["A trace could not be sent", "The collector refused a trace"]);
});

test("no collector is configured unless the environment names one, with its headers decoded", () => {
  const least = { DRAWBRIDGE_STATE_URL: "s3://state", DRAWBRIDGE_SECRETS_PASSPHRASE: "p" };
  const otlp = { OTEL_EXPORTER_OTLP_ENDPOINT: "https://collector:4318", OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20x,tenant=a" };
  assert.equal(readConfig(least).collector, undefined);
  assert.deepEqual(readConfig({ ...least, ...otlp }).collector, {
    endpoint: "https://collector:4318",
    headers: { authorization: "Bearer x", tenant: "a" },
  });
  assert.throws(() => readConfig({ ...least, OTEL_EXPORTER_OTLP_ENDPOINT: "collector" }), /OTEL_EXPORTER_OTLP_ENDPOINT/);
});
