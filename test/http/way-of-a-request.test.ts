/** How far a request goes before its operation is written down: our files on the asynchronous stack at that moment. */
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { integrationBodyFixture } from "./bodies.ts";
import { seed } from "./seed.ts";
import { type Running, start } from "./support.ts";

const source = path.resolve(import.meta.dirname, "../../src");
const c1 = "/v1/tenants/acme/integrations/c1";
let service: Running;
let way: string[] = [];
const frames = Error.stackTraceLimit;

/** Each file of ours once, the outermost first. */
const filesOf = (stack = ""): string[] => {
  const files = [...stack.matchAll(/file:\/\/([^:)]+):\d+/g)].flatMap(([, file = ""]) =>
    file.startsWith(source) ? [path.relative(source, file)] : [],
  );
  return [...new Set(files.reverse())];
};

before(async () => {
  service = await start();
  Error.stackTraceLimit = 200;
  // An operation's job is written in the same step as its row.
  const { queue } = service.shell;
  service.shell.queue = {
    ...queue,
    enqueue: async (trx, job) => {
      way = filesOf(new Error("here").stack);
      await queue.enqueue(trx, job);
    },
  };
});
after(() => {
  Error.stackTraceLimit = frames;
  return service?.close();
});
beforeEach(() => seed(service.shell));

test("a PUT passes five files until its operation is written down", async () => {
  const put = await service.call("PUT", c1, {
    body: { ...integrationBodyFixture, parameters: { bucket: "other" } },
    headers: { "if-match": "*" },
  });
  assert.equal(put.status, 202, put.text);
  assert.deepEqual(way, [
    "http/server/serve.ts",
    "http/routes/integrations.ts",
    // It reads again what another change has overtaken.
    "integrations/accept.ts",
    "integrations/put.ts",
    "operations/open.ts",
  ]);
});

test("a DELETE passes four", async () => {
  const gone = await service.call("DELETE", c1);
  assert.equal(gone.status, 202, gone.text);
  assert.deepEqual(way, ["http/server/serve.ts", "http/routes/integrations.ts", "integrations/delete.ts", "operations/open.ts"]);
});
