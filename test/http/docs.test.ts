import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import vm from "node:vm";
import { type Running, start } from "./support.ts";

let service: Running;
before(async () => {
  service = await start();
});
after(() => service.close());

const get = (path: string) => service.call("GET", path, { token: null });

test("the page loads scripts and styles only from the service, and the service has all of them", async () => {
  const page = await get("/docs");
  assert.equal(page.headers["content-type"], "text/html; charset=utf-8");
  const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? "");
  assert.equal(links.length, 4);
  const types = new Map<string, string | undefined>();
  for (const link of links) {
    assert.match(link, /^\/docs\/[\w.-]+$/);
    const reply = await get(link);
    assert.equal(reply.status, 200, link);
    types.set(link, reply.headers["content-type"]?.split(";")[0]);
  }
  assert.deepEqual([...types.values()].sort(), ["image/png", "text/css", "text/javascript", "text/javascript"]);
  assert.doesNotMatch(page.text, /<script>|<style|onload=|style=/);
});

test("the page's policy allows only this origin and nothing inline", async () => {
  const policy = String((await get("/docs")).headers["content-security-policy"]);
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /script-src 'self'(;|$)/);
  assert.match(policy, /style-src 'self'(;|$)/);
  assert.match(policy, /connect-src 'self'(;|$)/);
  assert.doesNotMatch(policy, /unsafe|https?:/);
});

test("the start script gives this API's document to Swagger UI", async () => {
  const { text } = await get("/docs/start.js");
  const given: { url?: string; dom_id?: string }[] = [];
  vm.runInNewContext(text, { SwaggerUIBundle: (options: object) => given.push(options) });
  assert.equal(given[0]?.url, "/openapi.json");
  const { json } = await get("/openapi.json");
  assert.equal(json.openapi as unknown, "3.1.0");
  assert.equal(json.info?.version as unknown, "0.1.0");
});

test("only the page's own files are served", async () => {
  for (const path of ["/docs/package.json", "/docs/..%2fpackage.json", "/docs/swagger-ui.js.map", "/docs/index.html"]) {
    assert.equal((await get(path)).status, 400, path);
  }
  assert.equal((await get("/docs/../src/main.ts")).status, 404);
});
