import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { kindOf, startProxy } from "../../bench/counting-proxy.ts";

test("Requests are told apart as AWS tells them apart", () => {
  const kind = (method: string, url: string, headers = {}, body = "") => kindOf({ method, url, headers }, body);
  assert.equal(kind("POST", "/", {}, "Action=AssumeRole&Version=2011-06-15"), "AssumeRole");
  assert.equal(kind("POST", "/", { "x-amz-target": "TrentService.CreateKey" }), "CreateKey");
  assert.equal(kind("PUT", "/bucket/key", { "x-amz-copy-source": "bucket/other" }), "COPY");
  assert.equal(kind("GET", "/bucket?list-type=2&prefix=a"), "LIST");
  assert.equal(kind("GET", "/bucket/key?x-id=GetObject"), "GET");
});

test("What passes is passed on as it is, and counted with its bytes", async () => {
  const server = createServer((incoming, outgoing) => {
    let body = "";
    incoming.on("data", (chunk: Buffer) => (body += chunk.toString()));
    incoming.on("end", () => outgoing.writeHead(201, { "x-host": incoming.headers.host }).end(`got ${body}`));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy = await startProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    const answer = await fetch(`${proxy.url}/bucket/key`, { method: "PUT", body: "hello" });
    assert.equal(answer.status, 201);
    // A signature covers the host that the client named.
    assert.equal(answer.headers.get("x-host"), new URL(proxy.url).host);
    assert.equal(await answer.text(), "got hello");
    const [passed] = proxy.take();
    assert.deepEqual([passed?.kind, passed?.status, passed?.sent, passed?.received], ["PUT", 201, 5, 9]);
    assert.deepEqual(proxy.take(), []);
  } finally {
    await proxy.stop();
    server.close();
  }
});
