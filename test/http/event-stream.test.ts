import assert from "node:assert/strict";
import http from "node:http";
import test, { after, before } from "node:test";
import { z } from "zod";
import { defineRoute } from "../../src/http/server/route.ts";
import type { OperationEvent } from "../../src/model/operation.ts";
import { appendEvents, eventsAfter } from "../../src/store/events.ts";
import { createOperation } from "../../src/store/operations.ts";
import { finishOperation, startOperation } from "../../src/store/transitions.ts";
import { beside, type Running, start } from "./support.ts";

let service: Running;
/** All events of an operation that has ended. */
let all: OperationEvent[];
let path = "";
before(async () => {
  service = await start();
  const { db } = service.store;
  const { id } = await createOperation(db, { kind: "verify", tenant: "acme", request: {}, requestedBy: "me", deadlineSeconds: 60 });
  await startOperation(db, id, { epoch: 1 });
  await appendEvents(db, id, 1, [{ type: "step", data: { step: 1 } }]);
  await finishOperation(db, id, 1, { state: "succeeded" });
  path = `/v1/operations/${id}/events`;
  all = await eventsAfter(db, id, 0, 100);
  assert.deepEqual(
    all.map(({ seq }) => seq),
    [1, 2, 3, 4],
  );
});
after(() => service?.close());

const eventOf = (seq: number): OperationEvent => ({ seq, at: "2026-11-22T02:00:00.000Z", type: "step", data: { step: seq } });
const stream = { accept: "text/event-stream" };
const idsOf = (text: string) => [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));

test("as JSON, a page has the events after the given number", async () => {
  const whole = await service.call("GET", path);
  assert.deepEqual(whole.json, { items: all, nextCursor: null });
  const page = await service.call("GET", `${path}?limit=2`);
  assert.equal(page.json.nextCursor as unknown, "2");
  const rest = await service.call("GET", `${path}?limit=2&after=2`);
  assert.deepEqual(rest.json, { items: all.slice(2), nextCursor: "4" });
});

test("in a stream, every event has its id, type and data, and the stream ends when the operation ends", async () => {
  const reply = await service.call("GET", path, { headers: stream });
  assert.equal(reply.headers["content-type"], "text/event-stream; charset=utf-8");
  assert.equal(reply.headers["cache-control"], "no-store");
  assert.deepEqual(idsOf(reply.text), [1, 2, 3, 4]);
  const step = all.find(({ type }) => type === "step");
  assert.ok(reply.text.includes(`id: ${step?.seq}\nevent: step\ndata: ${JSON.stringify(step)}\n\n`));
});

test("a stream continues after the last event that the client saw", async () => {
  const again = await service.call("GET", path, { headers: { ...stream, "last-event-id": "2" } });
  assert.deepEqual(idsOf(again.text), [3, 4]);
  const after = await service.call("GET", `${path}?after=1`, { headers: stream });
  assert.deepEqual(idsOf(after.text), [2, 3, 4]);
  const both = await service.call("GET", `${path}?after=0`, { headers: { ...stream, "last-event-id": "4" } });
  assert.deepEqual(idsOf(both.text), []);
});

test("an operation that doesn't exist gives a 404, not an empty stream", async () => {
  const reply = await service.call("GET", "/v1/operations/none/events", { headers: stream });
  assert.equal(reply.status, 404);
  assert.equal(reply.json.code, "not_found");
});

/** A source of events for which the test makes the events. It ends when the test ends or aborts it. */
function tap() {
  const waiting: OperationEvent[] = [];
  let wake: () => void = () => undefined;
  const state = { aborted: false, ended: false };
  async function* follow(signal: AbortSignal): AsyncIterable<OperationEvent> {
    signal.addEventListener("abort", () => {
      state.aborted = true;
      wake();
    });
    while (!state.aborted && !state.ended) {
      const next = waiting.shift();
      if (next) yield next;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  }
  const feed = (event: OperationEvent) => {
    waiting.push(event);
    wake();
  };
  return { state, follow, feed };
}

type Follow = (signal: AbortSignal) => AsyncIterable<OperationEvent>;
const startFollowing = (follow: Follow) =>
  beside(service, {
    routes: [
      defineRoute({
        method: "get",
        path: "/followed",
        scope: "open",
        tag: "System",
        summary: "Followed",
        responses: { 200: { what: "Events", schema: z.object({}), type: "text/event-stream" } },
      })(async ({ signal }) => ({ status: 200, events: follow(signal) })),
    ],
  });

function open(url: string): Promise<{ response: http.IncomingMessage; text: () => string }> {
  return new Promise((resolve, reject) => {
    const headers = stream;
    const request = http.get(`${url}/followed`, { headers, agent: false }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on("error", () => undefined);
      resolve({ response, text: () => text });
    });
    request.on("error", reject);
  });
}

async function until(what: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!what()) {
    assert.ok(Date.now() < deadline, "waited five seconds");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("a stream sends later events as they happen", async () => {
  const { follow, feed, state } = tap();
  const live = await startFollowing(follow);
  const { text, response } = await open(live.url);
  feed(eventOf(1));
  await until(() => idsOf(text()).length === 1);
  feed(eventOf(2));
  await until(() => idsOf(text()).length === 2);
  response.destroy();
  await until(() => state.aborted);
  await live.close();
});

test("a shutdown ends the streams, so clients connect to another replica", async () => {
  const { follow, feed } = tap();
  const live = await startFollowing(follow);
  const { text, response } = await open(live.url);
  feed(eventOf(1));
  await until(() => idsOf(text()).length === 1);
  const ended = new Promise<void>((resolve) => response.once("end", resolve));
  await live.close();
  await ended;
});

test("the service waits for a client that doesn't read, so unread events don't fill its memory", async () => {
  let made = 0;
  let warned = 0;
  const warn = () => warned++;
  process.on("warning", warn);
  const large = await startFollowing(async function* (signal) {
    while (!signal.aborted && made < 4_000) yield { ...eventOf(++made), data: { text: "x".repeat(16_384) } };
  });
  const { response, text } = await open(large.url);
  response.pause();
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok(made > 0 && made < 2_000, `${made} events of 16 KiB were made for a client that reads none`);
  response.resume();
  await until(() => idsOf(text()).length >= 300);
  response.destroy();
  await large.close();
  process.off("warning", warn);
  assert.equal(warned, 0, "the number of listeners grew");
});

test("if a source fails, the service breaks off the stream and logs the fault", async () => {
  const broken = await startFollowing(async function* () {
    yield eventOf(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    throw new Error("canary-7f3a");
  });
  const { text, response } = await open(broken.url);
  await until(() => response.destroyed);
  assert.deepEqual(idsOf(text()), [1]);
  assert.equal(response.complete, false);
  await until(() => service.lines().some((line) => line["message"] === "fault"));
  assert.doesNotMatch(text() + JSON.stringify(service.lines()), /canary/);
  await broken.close();
});
