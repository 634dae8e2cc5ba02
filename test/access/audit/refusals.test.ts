import assert from "node:assert/strict";
import test, { after, before, mock } from "node:test";
import { refusalRows } from "../../../src/access/audit/refusals.ts";
import { follow } from "../../../src/model/audit-entry.ts";
import type { NewAuditEntry } from "../../../src/store/audit.ts";
import { auditAfter, auditHead } from "../../../src/store/audit.ts";
import { type Running, start } from "../../http/support.ts";
import { silent } from "../../store/backends.ts";

let service: Running;
before(async () => {
  service = await start();
});
after(() => service?.close());

test("a stranger, a missing scope and a foreign tenant stand in the audit: who, when, which route, which request", async () => {
  const canary = "dbk_canary-5c1d9e77";
  const headers = { "x-request-id": "refused-1" };
  assert.equal((await service.call("GET", "/v1/tenants", { token: canary, headers })).status, 401);
  assert.equal((await service.call("POST", "/v1/freeze", { token: "only-read", body: { reason: "x" } })).status, 403);
  const foreign = await service.call("GET", "/v1/tenants/beta/integrations/c1", { token: "acme-token" });
  assert.equal(foreign.status, 404);
  assert.equal((await service.call("GET", "/v1/no-such-thing", { token: null })).status, 401);
  assert.equal((await service.call("DELETE", "/v1/tenants", { token: null })).status, 401);
  const rows = (await auditAfter(service.store.db, 0, 100)).map(({ entry }) => entry);
  assert.deepEqual(
    rows.map(({ phase, subject, action, result }) => [phase, subject, action, result]),
    [
      ["refusal", "(unknown)", "GET /v1/tenants", "unauthenticated"],
      ["refusal", "only-read", "POST /v1/freeze", "forbidden"],
      ["refusal", "acme-ci", "GET /v1/tenants/{tenant}/integrations/{name}", "other_tenant"],
      ["refusal", "(unknown)", "no route", "unauthenticated"],
    ],
  );
  assert.deepEqual([rows[0]?.requestId, rows[2]?.requestId], ["refused-1", foreign.headers["x-request-id"]]);
  assert.ok(!JSON.stringify(rows).includes(canary.slice(4)));
  assert.ok("head" in follow(await auditAfter(service.store.db, 0, 100)));
});

test("only a caller that holds every tenant sees refusals, since they belong to none", async () => {
  const seen = async (token: string) => (await service.call("GET", "/v1/audit", { token })).json.items as unknown as { phase: string }[];
  assert.ok((await seen("only-read")).some(({ phase }) => phase === "refusal"));
  for (const token of ["acme-token", "beta-token"]) assert.equal((await seen(token)).length, 0);
});

test("a flood of refusals doesn't fill the store: a few rows a minute, and all are counted", async () => {
  const before = (await auditHead(service.store.db)).seq;
  for (let n = 0; n < 8; n++) {
    await Promise.all(Array.from({ length: 25 }, () => service.call("GET", `/v1/tenants?at=${n}`, { token: `made-up-${n}` })));
  }
  const after = (await auditHead(service.store.db)).seq;
  assert.ok(after - before <= 1, `${after - before} rows for 200 requests`);
});

test("in one minute strangers have 11 rows and callers 21 at most, their counts as many again, and nothing is lost", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const rows: Omit<NewAuditEntry, "id" | "at">[] = [];
  const refusals = refusalRows(async (row) => void rows.push(row), silent);
  const note = (n: number, subject?: string) =>
    refusals.note({ route: `GET /v1/${n % 1_000}`, requestId: `r-${n}`, result: "forbidden", ...(subject && { subject }) });
  for (let n = 0; n < 5_000; n++) note(n);
  for (let n = 0; n < 5_000; n++) note(n, `caller-${n % 7}`);
  assert.equal(rows.length, 30, "those that stand there at once");
  mock.timers.tick(60_000);
  assert.ok(rows.length <= 62, String(rows.length));
  assert.equal(
    rows.reduce((sum, row) => sum + (row.count ?? 1), 0),
    10_000,
  );
  note(1);
  assert.equal(rows.at(-1)?.requestId, "r-1", "the next minute begins anew");
  mock.timers.reset();
  note(1);
  await refusals.settle();
  assert.equal(rows.at(-1)?.count, 1, "a shutdown writes what was counted");
});
