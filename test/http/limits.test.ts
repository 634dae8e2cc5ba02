import assert from "node:assert/strict";
import net from "node:net";
import test, { after, before } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Running, start } from "./support.ts";

let service: Running;
before(async () => {
  service = await start({ limits: { requestsPerMinute: 40, writesPerMinute: 6, destroysPerHour: 2, streamsPerCaller: 50 } });
});
after(() => service?.close());

test("a caller that sends too many requests is told when to try again, and other callers aren't affected", async () => {
  const replies = await Promise.all(Array.from({ length: 45 }, () => service.call("GET", "/v1/blueprints", { token: "acme-token" })));
  assert.equal(replies.filter(({ status }) => status === 200).length, 40);
  const refused = replies.find(({ status }) => status === 429);
  assert.equal(refused?.json.code as unknown, "rate_limited");
  const wait = Number(refused?.headers["retry-after"]);
  assert.ok(wait >= 1 && wait <= 60, String(wait));
  const asked = performance.now();
  assert.equal((await service.call("GET", "/v1/blueprints", { token: "acme-token" })).status, 429);
  assert.ok(performance.now() - asked >= 240, "the refusal came without a delay");
  assert.equal((await service.call("GET", "/v1/blueprints", { token: "beta-token" })).status, 200);
});

test("destroys have their own limit, for each tenant over all callers", async () => {
  const destroy = (token: string) => service.call("DELETE", "/v1/tenants/gamma/integrations/none", { token });
  assert.deepEqual([(await destroy("admin-token")).status, (await destroy("admin-token")).status], [404, 404]);
  assert.equal((await destroy("admin-token")).status, 429);
  assert.equal((await destroy("only-destroy")).status, 429, "the tenant's limit is reached, also for another caller");
  assert.equal((await service.call("GET", "/v1/tenants", { token: "admin-token" })).status, 200);
});

test("a request that changes something is counted before it is done, so a refused one adds nothing to the audit", async () => {
  const body = { accountId: "111122223333", region: "us-east-1", access: { mode: "hand-off" } };
  const put = (n: number) => service.call("PUT", `/v1/tenants/made-${n}`, { token: "only-write", body });
  for (let n = 0; n < 6; n++) await put(n);
  assert.equal((await put(7)).status, 429);
  const { items } = (await service.call("GET", "/v1/audit?limit=200", { token: "only-read" })).json as unknown as {
    items: { tenant?: string }[];
  };
  assert.ok(items.some(({ tenant }) => tenant === "made-0"));
  assert.ok(!items.some(({ tenant }) => tenant === "made-7"));
});

test("a tenant's changes are done at a limited rate: they wait, other tenants' don't, and too many are refused", async () => {
  const paced = await start({ limits: { requestsPerMinute: 1_000, writesPerMinute: 60, destroysPerHour: 2, streamsPerCaller: 50 } });
  const put = async (tenant: string) => {
    const body = { accountId: "111122223333", region: "us-east-1", access: { mode: "hand-off" } };
    const from = performance.now();
    const { status, json } = await paced.call("PUT", `/v1/tenants/${tenant}`, { token: "only-write", body });
    return { status, code: json.code, took: performance.now() - from, at: performance.now() };
  };
  try {
    const hasty = Promise.all(Array.from({ length: 10 }, () => put("hasty")));
    await sleep(50);
    const other = await put("calm");
    assert.equal(other.status, 201);
    const destroy = await paced.call("DELETE", "/v1/tenants/hasty/integrations/none", { token: "only-destroy" });
    assert.equal(destroy.status, 404);
    const destroyed = performance.now();
    const answers = await hasty;
    const taken = answers.filter(({ status }) => status === 201 || status === 200);
    assert.equal(taken.length, 6, "two changes a second, in this second and the next two");
    const waited = taken.filter(({ took }) => took > 900);
    assert.equal(waited.length, 4);
    assert.ok(
      waited.every(({ at }) => other.at < at),
      "another tenant's change waited for them",
    );
    assert.ok(
      waited.every(({ at }) => destroyed < at),
      "the destroy waited for them",
    );
    const refused = answers.filter(({ status }) => status === 429);
    assert.deepEqual(new Set(refused.map(({ code }) => code)), new Set(["rate_limited"]));
    assert.equal(refused.length, 4);
  } finally {
    await paced.close();
  }
});

test("hundreds of sockets that send one byte at a time don't delay other requests", { timeout: 60_000 }, async () => {
  const plain = await start();
  const { hostname, port } = new URL(plain.url);
  const slow = Array.from({ length: 300 }, () =>
    net
      .connect(Number(port), hostname, function (this: net.Socket) {
        this.write(
          "PUT /v1/tenants/acme HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nContent-Type: application/json\r\nAuthorization: Bearer admin-token\r\n\r\n{",
        );
      })
      .on("error", () => undefined),
  );
  const drip = setInterval(() => {
    for (const socket of slow) if (socket.writable) socket.write(" ");
  }, 200);
  const times: number[] = [];
  for (let n = 0; n < 50; n++) {
    const from = performance.now();
    assert.equal((await plain.call("GET", "/v1/tenants")).status, 200);
    times.push(performance.now() - from);
  }
  clearInterval(drip);
  for (const socket of slow) socket.destroy();
  await plain.close();
  const median = times.sort((a, b) => a - b)[25] ?? Number.POSITIVE_INFINITY;
  assert.ok(median < 250, `${median} ms`);
});
