/** Records from before the migration that removes tokens from repository names. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Kysely, sql } from "kysely";

import { pushSourceName } from "../../src/gitops/push-source.ts";
import { repositoryName } from "../../src/model/repository-name.ts";
import type { SourceRecord } from "../../src/model/source.ts";
import type { Database } from "../../src/store/database/database.ts";
import { up } from "../../src/store/database/migrations/0110-names-without-tokens.ts";

import { createOperation, findOperation } from "../../src/store/operations.ts";
import { claimMembers, findSource, listSources, membersOf, saveSource } from "../../src/store/sources.ts";
import { faulty, fine, secret } from "../cli/repository-cases.ts";
import { backends, type Opened } from "./backends.ts";

const clean = "https://git.example/acme/access.git";
const withToken = (token: string) => clean.replace("//", `//ci:${token}@`);

const record = (repository: string, more: Partial<SourceRecord> = {}): SourceRecord => ({
  name: pushSourceName(repository),
  kind: "push",
  repository,
  tenants: ["acme"],
  requestedBy: "ci",
  createdAt: "2026-11-01T00:00:00.000Z",
  ...more,
});

const claim = (name: string) => ({ kind: "Integration" as const, tenant: "acme", name, labels: {} });
const member = (source: string, name: string) => ({ ...claim(name), source });

/** Runs the migration as Kysely does: in a transaction, without types of the tables. */
const migrateNow = (db: Kysely<Database>) => db.transaction().execute((trx) => up(trx as unknown as Kysely<unknown>));

for (const backend of backends) {
  describe(`migration 0110 on ${backend.name}`, { concurrency: false }, () => {
    let opened: Opened;
    before(async () => {
      opened = await backend.open();
    });
    after(() => opened?.remove());

    test("the start of the service runs it", async () => {
      const { rows } = await sql<{ name: string }>`select name from kysely_migration where name like '0110-%'`.execute(opened.store.db);
      assert.deepEqual(rows, [{ name: "0110-names-without-tokens" }]);
    });

    test("a push source loses its token; its members and operations stay with it, under the name that the next push uses", async () => {
      const { db } = opened.store;
      const old = record(withToken(secret), { sequence: 7, revision: "4f2a9c1" });
      await saveSource(db, old);
      await claimMembers(db, old.name, [claim("c1")]);
      const request = { source: old.name, manifests: [] };
      const operation = await createOperation(db, { kind: "reconcile", request, requestedBy: "ci", deadlineSeconds: 60 });
      await migrateNow(db);
      const name = pushSourceName(clean);
      assert.equal(await findSource(db, old.name), undefined);
      assert.deepEqual(await findSource(db, name), { ...old, name, repository: clean });
      assert.deepEqual(await membersOf(db, { source: name, tenants: [] }), [member(name, "c1")]);
      assert.deepEqual((await findOperation(db, operation.id))?.request, { source: name, manifests: [] });
    });

    test("of several sources of one repository, the next push finds the one that owns most; each keeps its members", async () => {
      const { db } = opened.store;
      const [first, second] = ["https://one@git.example/two.git", "https://other@git.example/two.git"].map((url) => record(url));
      assert.ok(first && second);
      for (const source of [first, second]) await saveSource(db, source);
      await claimMembers(db, first.name, [claim("a")]);
      await claimMembers(db, second.name, [claim("b"), claim("c")]);
      await migrateNow(db);
      const named = pushSourceName("https://git.example/two.git");
      const owned = async (source: string) => (await membersOf(db, { source, tenants: [] })).map(({ name }) => name).sort();
      assert.deepEqual(await owned(named), ["b", "c"]);
      const { items } = await listSources(db, { limit: 50 });
      const others = items.filter(({ repository, name }) => repository === "https://git.example/two.git" && name !== named);
      assert.equal(others.length, 1);
      assert.deepEqual(await owned(others[0]?.name ?? ""), ["a"]);
    });

    test("a source that already has the clean name keeps it", async () => {
      const { db } = opened.store;
      const standing = record("https://git.example/three.git", { sequence: 3 });
      for (const source of [standing, record("https://t@git.example/three.git", { sequence: 9 })]) await saveSource(db, source);
      await migrateNow(db);
      assert.deepEqual(await findSource(db, standing.name), standing);
    });

    test("no name contains any part of a token; names without a token and pull sources stay as they are", async () => {
      const { db } = opened.store;
      const untouched = [...fine.map((name) => record(name)), record(withToken("x"), { name: "pulled", kind: "pull", interval: 300 })];
      for (const source of [...untouched, ...Object.values(faulty).map(([given]) => record(given))]) await saveSource(db, source);
      await migrateNow(db);
      const { items } = await listSources(db, { limit: 500 });
      assert.ok(!JSON.stringify(items).includes(secret));
      for (const source of untouched) assert.deepEqual(await findSource(db, source.name), source);
      for (const [given] of Object.values(faulty)) assert.ok(await findSource(db, pushSourceName(repositoryName(given))), given);
      await migrateNow(db);
      assert.deepEqual((await listSources(db, { limit: 500 })).items, items, "a second time changes nothing");
    });
  });
}
