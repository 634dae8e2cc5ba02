/** Bad inputs for every route: each is refused, none takes much time or memory, and none is recorded. */
import assert from "node:assert/strict";
import { monitorEventLoopDelay } from "node:perf_hooks";
import test, { after, before } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { routes } from "../../src/http/routes/routes.ts";
import { type Route, routeName } from "../../src/http/server/route.ts";
import { bodyFixtures, integrationBodyFixture, pathOf as pathTo } from "./bodies.ts";
import type { CallOptions } from "./call.ts";
import { type Running, startSeeded } from "./support.ts";

interface BadInput {
  name: string;
  method: string;
  path: string;
  options: CallOptions;
}

const pathOf = (route: Route, value?: string) => (value === undefined ? pathTo(route) : route.path.replaceAll(/\{\w+\}/g, value));
const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;

const badBodies: Record<string, (fits: object) => CallOptions> = {
  "a list": () => ({ body: [] }),
  "an unknown field": (fits) => ({ body: { ...fits, "no-such-field": 1 } }),
  __proto__: () => ({ body: '{"__proto__":{"admin":true}}' }),
  "a depth of ten thousand": () => ({ body: deep(10_000) }),
  "a megabyte of one text": () => ({ body: JSON.stringify({ a: "x".repeat(1_000_000) }) }),
  "sixty kilobytes of numbers": () => ({ body: `{"a":[${"1,".repeat(30_000)}1]}` }),
  "ten thousand fields": () => ({ body: `{${Array.from({ length: 10_000 }, (_, n) => `"f${n}":1`).join(",")}}`.slice(0, 65_000) }),
  "half a document": () => ({ body: '{"a":' }),
  "bytes that aren't UTF-8": () => ({ body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]) }),
  "another charset": () => ({ body: "{}", headers: { "content-type": "application/json; charset=utf-16" } }),
};
const badNames = { "a name with NUL": "a%00b", "a name of 5,000 letters": "a".repeat(5_000), "a broken percent-encoding": "%zz" };

const inputs: BadInput[] = routes
  .filter(({ scope }) => scope !== "open")
  .flatMap((route) => {
    const of = { method: route.method.toUpperCase(), options: {} };
    const fits = bodyFixtures[routeName(route)] ?? integrationBodyFixture;
    const withFit = route.body ? { body: fits } : {};
    const bodies = Object.entries(badBodies).map(([name, make]) => ({ ...of, name, path: pathOf(route), options: make(fits) }));
    const names = Object.entries(badNames).map(([name, value]) => ({ ...of, name, path: pathOf(route, value), options: withFit }));
    const query = { ...of, name: "an unknown query parameter", path: `${pathOf(route)}?no-such=1`, options: withFit };
    const made: BadInput[] = [...(route.body ? bodies : []), ...(route.path.includes("{") ? names : []), ...(route.query ? [query] : [])];
    return made.map((input) => ({ ...input, name: `${routeName(route)}, ${input.name}` }));
  });

let service: Running;
before(async () => {
  service = await startSeeded();
});
after(() => service?.close());

const ask = ({ method, path, options }: BadInput) => service.call(method, path, options);

test(`each of ${inputs.length} bad inputs over all routes is refused with a problem, and nothing is recorded`, async () => {
  const before = await service.footprint();
  assert.ok(inputs.length >= 80, String(inputs.length));
  for (const input of inputs) {
    const reply = await ask(input);
    assert.ok([400, 413, 415].includes(reply.status), `${input.name}: ${reply.status} ${reply.text}`);
    assert.equal(reply.headers["content-type"], "application/problem+json; charset=utf-8", input.name);
  }
  assert.deepEqual(await service.footprint(), before);
});

test("each answer takes less than 50 ms and blocks the event loop for less than 100 ms", async (t) => {
  // The best of several rounds counts: a busy machine is slow in one round, but an expensive input is slow in every round.
  const least = { answer: new Map<string, number>(), stall: new Map<string, number>() };
  const note = (of: Map<string, number>, name: string, ms: number) => of.set(name, Math.min(of.get(name) ?? Number.POSITIVE_INFINITY, ms));
  const delay = monitorEventLoopDelay({ resolution: 2 });
  delay.enable();
  for (let round = 0; round < 4; round++) {
    for (const input of inputs) {
      delay.reset();
      const from = performance.now();
      await ask(input);
      note(least.answer, input.name, performance.now() - from);
      note(least.stall, input.name, delay.max / 1e6);
    }
  }
  delay.disable();
  const worst = (of: Map<string, number>) => [...of].toSorted(([, a], [, b]) => b - a)[0] ?? ["", Number.NaN];
  const [slowest, stall] = [worst(least.answer), worst(least.stall)] as const;
  t.diagnostic(`slowest answer: ${slowest[1].toFixed(1)} ms (${slowest[0]}); longest stall: ${stall[1].toFixed(1)} ms (${stall[0]})`);
  assert.ok(slowest[1] < 50, slowest.join());
  assert.ok(stall[1] < 100, stall.join());
});

test("memory doesn't grow over thousands of bad inputs", async (t) => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const round = async () => {
    for (const input of inputs) await ask(input);
    collect();
    return process.memoryUsage().heapUsed / 1e6;
  };
  await round();
  const first = await round();
  for (let more = 0; more < 3; more++) await round();
  const last = await round();
  // The test itself keeps the log's lines, about 300 bytes each.
  const lines = (inputs.length * 4 * 600) / 1e6;
  t.diagnostic(`${first.toFixed(1)} MB, and ${last.toFixed(1)} MB after ${inputs.length * 4} more`);
  assert.ok(last - first < lines + 2, `${first} MB, then ${last} MB`);
});
