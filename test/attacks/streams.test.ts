/** Event streams: a caller can't hold many, and a key that was removed reads nothing further. */
import assert from "node:assert/strict";
import http from "node:http";
import { after, before, test } from "node:test";
import { appendEvents } from "../../src/store/events.ts";
import { createOperation } from "../../src/store/operations.ts";
import { startOperation } from "../../src/store/transitions.ts";
import { type Running, start, unlimited } from "../http/support.ts";

let service: Running;
let operation: string;

before(async () => {
  service = await start();
  const { db } = service.store;
  ({ id: operation } = await createOperation(db, { kind: "verify", tenant: "acme", request: {}, requestedBy: "me", deadlineSeconds: 60 }));
  await startOperation(db, operation, { epoch: 1 });
});
after(() => service?.close());

interface Stream {
  status: number;
  text(): string;
  /** Resolves when the server ends it. */
  ended: Promise<void>;
  close(): void;
}

function follow(token: string): Promise<Stream> {
  const headers = { accept: "text/event-stream", authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const request = http.get(`${service.url}/v1/operations/${operation}/events`, { headers, agent: false }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on("error", () => undefined);
      const ended = new Promise<void>((done) => response.once("close", () => done()));
      resolve({ status: response.statusCode ?? 0, text: () => text, ended, close: () => request.destroy() });
    });
    request.on("error", reject);
  });
}

async function keyOf(subject: string): Promise<{ id: string; key: string }> {
  const made = await service.call("POST", "/v1/keys", { body: { subject, tenants: ["acme"], scopes: ["read"] } });
  return { id: String(made.json["id"]), key: String(made.json["key"]) };
}

const most = unlimited.streamsPerCaller;

test("a caller has a limited number of streams, whatever the key, and a closed one makes room", async () => {
  const [one, other] = [await keyOf("many"), await keyOf("many")];
  const open = await Promise.all(Array.from({ length: most }, (_, nth) => follow(nth % 2 === 0 ? one.key : other.key)));
  assert.ok(open.every(({ status }) => status === 200));
  const refused = await follow(other.key);
  assert.equal(refused.status, 429);
  assert.equal((await follow((await keyOf("somebody-else")).key)).status, 200, "another caller has streams of its own");
  open[0]?.close();
  let again = await follow(one.key);
  for (let tries = 0; again.status !== 200 && tries < 50; tries++) again = await follow(one.key);
  assert.equal(again.status, 200);
  for (const stream of [...open, again]) stream.close();
});

test("a refused stream doesn't count, and neither does one of an operation that doesn't exist", async () => {
  const { key } = await keyOf("asks-a-lot");
  for (let nth = 0; nth < most * 2; nth++) {
    const absent = await service.call("GET", "/v1/operations/none/events", { token: key, headers: { accept: "text/event-stream" } });
    assert.equal(absent.status, 404);
  }
  assert.equal((await follow(key)).status, 200);
});

test("a removed key ends its streams within seconds, and the others go on", async () => {
  const [removed, kept] = [await keyOf("leaver"), await keyOf("stayer")];
  const [gone, live] = [await follow(removed.key), await follow(kept.key)];
  assert.equal((await service.call("DELETE", `/v1/keys/${removed.id}`)).status, 204);
  const deadline = new Promise<"still open">((resolve) => setTimeout(() => resolve("still open"), 6_000).unref());
  assert.equal(await Promise.race([gone.ended.then(() => "ended"), deadline]), "ended");
  await appendEvents(service.store.db, operation, 1, [{ type: "step", data: { after: "the removal" } }]);
  for (let looks = 0; looks < 500 && !live.text().includes("the removal"); looks++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.match(live.text(), /the removal/);
  assert.doesNotMatch(gone.text(), /the removal/);
  live.close();
});
