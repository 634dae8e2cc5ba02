import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import test, { after, before } from "node:test";
import { z } from "zod";
import { createApp } from "../../src/http/server/app.ts";
import { defineRoute } from "../../src/http/server/route.ts";
import { listen } from "../../src/http/server/server.ts";
import { type Running, start } from "./support.ts";

let service: Running;
before(async () => {
  service = await start();
});
after(() => service?.close());

/** A route that answers when `wait` has ended. */
const slowRoute = (wait: () => Promise<unknown>) =>
  defineRoute({
    method: "get",
    path: "/slow",
    scope: "open",
    tag: "System",
    summary: "Slow",
    responses: { 200: { what: "Done", schema: z.object({}) } },
  })(async () => {
    await wait();
    return { status: 200, body: {} };
  });

test("listening on a port that is in use fails with an error", async () => {
  const first = await listen(createApp(service.api), { host: "127.0.0.1", port: 0 });
  const port = Number(new URL(first.url).port);
  await assert.rejects(listen(createApp(service.api), { host: "127.0.0.1", port }), /EADDRINUSE/);
  await first.close(0);
});

test("a close lets a running request finish and accepts no new one", async () => {
  let begun: () => void = () => undefined;
  const running = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const slow = slowRoute(async () => {
    begun();
    await new Promise((resolve) => setTimeout(resolve, 200));
  });
  const server = await listen(createApp(service.api, [slow]), { host: "127.0.0.1", port: 0 });
  const agent = new http.Agent({ keepAlive: true });
  const status = new Promise<number | undefined>((resolve, reject) => {
    http.get(`${server.url}/slow`, { agent }, (response) => resolve(response.resume().statusCode)).on("error", reject);
  });
  await running;
  const start = performance.now();
  const closed = server.close(10_000);
  assert.equal(await status, 200);
  await closed;
  assert.ok(performance.now() - start < 2_000, "an idle keep-alive connection delayed the close");
  await assert.rejects(fetch(`${server.url}/healthz`));
  agent.destroy();
});

test("a close cuts off a request that runs longer than the grace period", async () => {
  const stuck = slowRoute(() => new Promise<never>(() => undefined));
  const server = await listen(createApp(service.api, [stuck]), { host: "127.0.0.1", port: 0 });
  const cut = new Promise<void>((resolve) => {
    http.get(`${server.url}/slow`, { agent: false }).on("error", () => resolve());
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  await server.close(100);
  await cut;
});

test("headers that are too large, and bytes that aren't HTTP, end the connection, but not the service", async () => {
  const server = await listen(createApp(service.api), { host: "127.0.0.1", port: 0 });
  const { hostname: host, port } = new URL(server.url);
  const say = (text: string) =>
    new Promise<string>((resolve) => {
      const socket = net.connect(Number(port), host, () => socket.write(text));
      let heard = "";
      socket.on("data", (chunk) => {
        heard += chunk.toString();
      });
      socket.on("error", () => undefined);
      socket.on("close", () => resolve(heard));
    });
  assert.match(await say(`GET /healthz HTTP/1.1\r\nHost: x\r\nX-Fill: ${"y".repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
  assert.match(await say("\u0016\u0003\u0001 not http\r\n\r\n"), /^HTTP\/1\.1 400 /);
  assert.match(
    await say("POST /v1/tenants HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    /^HTTP\/1\.1 400 /,
  );
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
  await server.close(0);
});

test("the service closes the connection of a client that never finishes its headers", { timeout: 30_000 }, async () => {
  const server = await listen(createApp(service.api), { host: "127.0.0.1", port: 0 });
  const { hostname: host, port } = new URL(server.url);
  const heard = await new Promise<string>((resolve) => {
    const socket = net.connect(Number(port), host, () => socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n"));
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(text));
  });
  assert.match(heard, /^HTTP\/1\.1 408 /);
  await server.close(0);
});
