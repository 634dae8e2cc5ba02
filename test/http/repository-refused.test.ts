/** The name of a repository with a token in it is refused and recorded nowhere. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import test, { after, before } from "node:test";
import { sql } from "kysely";
import { saveSource } from "../../src/store/sources.ts";
import { faulty, fine, secret } from "../cli/repository-cases.ts";
import { type Running, start } from "./support.ts";

let service: Running;
before(async () => {
  service = await start();
});
after(() => service?.close());

const push = (repository: string) =>
  service.call("POST", "/v1/reconcile", {
    body: { source: { repository, revision: "4f2a9c1" }, manifests: [] },
    headers: { "idempotency-key": randomUUID() },
  });

/** Everything in the store, as text. */
async function everythingKept(): Promise<string> {
  const { db } = service.store;
  const tables = await sql<{ name: string }>`select quote_ident(table_schema) || '.' || quote_ident(table_name) as name
    from information_schema.tables where table_schema not in ('pg_catalog', 'information_schema')`.execute(db);
  const rows = await Promise.all(tables.rows.map(({ name }) => sql`select * from ${sql.raw(name)}`.execute(db)));
  return JSON.stringify(rows.map((one) => one.rows));
}

for (const [what, [given, sent]] of Object.entries(faulty)) {
  test(`refused: ${what}`, async () => {
    const reply = await push(given);
    assert.equal(reply.status, 400, reply.text);
    assert.equal(reply.json.code, "invalid_request");
    assert.equal(reply.json.pointer, "/source/repository");
    assert.match(String(reply.json.detail), /^\/source\/repository: Leave out /);
    assert.ok(!reply.text.includes(secret));
    assert.equal((await push(sent)).status, 202, "the name that the command sends in its place is accepted");
  });
}

test("names without a credential are accepted and shown unchanged", async () => {
  for (const name of fine) assert.equal((await push(name)).status, 202, name);
  const { json } = await service.call("GET", "/v1/sources?limit=200");
  const shown = new Set((json.items as unknown as { repository: string }[]).map(({ repository }) => repository));
  for (const name of fine) assert.ok(shown.has(name), name);
});

test("a name that is far too long is refused quickly", async () => {
  const began = performance.now();
  const reply = await push("a".repeat(100_000));
  assert.equal(reply.json.pointer, "/source/repository");
  assert.ok(performance.now() - began < 2_000);
});

test("the store, with the audit and the kept answers, holds nothing of the refused names", async () => {
  const kept = await everythingKept();
  assert.match(kept, /POST \/v1\/reconcile/, "the text includes the audit");
  assert.ok(!kept.includes(secret));
});

test("the log holds nothing of the refused names", async () => {
  const logged = await start();
  for (const [repository] of Object.values(faulty))
    await logged.call("POST", "/v1/reconcile", { body: { source: { repository, revision: "4f2a9c1" }, manifests: [] } });
  assert.equal(logged.lines().filter(({ code }) => code === "invalid_request").length, Object.keys(faulty).length);
  assert.ok(!JSON.stringify([logged.lines(), await logged.footprint()]).includes(secret));
  await logged.close();
});

test("an older record with a token is shown without it, for a push source and for a pull source", async () => {
  const old = {
    repository: `https://u:${secret}@git.example/acme`,
    tenants: "*",
    requestedBy: "ci",
    createdAt: "2026-11-01T00:00:00.000Z",
  } as const;
  for (const kind of ["push", "pull"] as const) await saveSource(service.store.db, { ...old, name: `old-${kind}`, kind });
  for (const path of ["/v1/sources/old-push", "/v1/sources/old-pull"]) {
    assert.equal((await service.call("GET", path)).json.repository, "https://git.example/acme");
  }
  const listed = await service.call("GET", "/v1/sources?limit=200");
  assert.match(listed.text, /old-pull/);
  assert.ok(!listed.text.includes(secret));
});
