import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sql } from "kysely";
import { findApiKeyByDigest } from "../../src/store/api-keys.ts";
import { statementNames } from "../../src/store/database/prepared.ts";
import { createOperation, findOperation } from "../../src/store/operations.ts";
import { postgres } from "./backends.ts";

describe("which statements are prepared", () => {
  test("the same text has one name, another text another", () => {
    const nameOf = statementNames();
    const first = nameOf("select a from b where c = $1", [1]);
    assert.equal(nameOf("select a from b where c = $1", [2]), first);
    assert.notEqual(nameOf("select a from b where c > $1", [1]), first);
  });

  test("statements without values aren't prepared, and neither are those whose columns depend on the table", () => {
    const nameOf = statementNames();
    assert.equal(nameOf("begin", []), undefined);
    for (const text of [
      "select * from b where c = $1",
      'select "o".* from b as o where c = $1',
      "delete from b where c = $1 returning *",
      "with a as (select d from b where c = $1) select * from a",
      "(select * from b where c = $1) union all (select * from b)",
      "select distinct * from b where c = $1",
      "select 1, * from b where c = $1",
      "with a as (select d from b where c = $1) table a",
    ]) {
      assert.equal(nameOf(text, [1]), undefined, text);
    }
    for (const text of ["select count(*) from b where c = $1", "with a as (select * from b where c = $1) select count(*) from a"]) {
      assert.ok(nameOf(text, [1]), text);
    }
  });

  test("inserts of many rows aren't prepared, because each number of rows is another text", () => {
    const values = Array.from({ length: 31 }, (_, nth) => nth);
    assert.equal(statementNames()("insert into b (c) values ($1), …", values), undefined);
  });

  test("only the first `most` statements are prepared", () => {
    const nameOf = statementNames(1);
    assert.equal(nameOf("select * from b where c = $1", [1]), undefined);
    const first = nameOf("select a from b where c = $1", [1]);
    assert.equal(nameOf("select a from b where c in ($1, $2)", [1, 2]), undefined);
    assert.equal(nameOf("select a from b where c = $1", [1]), first);
  });
});

test("on PostgreSQL statements are prepared, and a newer schema with more columns breaks none of them", {
  skip: !postgres && "no PostgreSQL",
}, async (t) => {
  assert.ok(postgres);
  const { store, remove } = await postgres.open();
  t.after(remove);
  const writeAndRead = async () => {
    const { id } = await createOperation(store.db, { kind: "up", tenant: "t", request: {}, requestedBy: "me", deadlineSeconds: 60 });
    assert.equal((await findOperation(store.db, id))?.id, id);
    assert.equal(await findApiKeyByDigest(store.db, "no such digest"), undefined);
  };
  await writeAndRead();
  const { rows } = await sql<{ statement: string }>`select statement from pg_prepared_statements`.execute(store.db);
  assert.ok(rows.some(({ statement }) => statement.includes('insert into "operations"')));
  for (const table of ["operations", "operation_events", "api_keys"]) {
    await sql.raw(`alter table ${table} add column later text`).execute(store.db);
  }
  await writeAndRead();
});
