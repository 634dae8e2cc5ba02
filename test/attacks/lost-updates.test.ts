/**
 * Two requests are decided on the same state and arrive at once, at two replicas on one PostgreSQL. One of them must learn of the other.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { claimAccount, holdAccount } from "../../src/store/claims/accounts.ts";
import { findIntegration } from "../../src/store/integrations.ts";
import { openOperations } from "../../src/store/operations.ts";
import { findTenant } from "../../src/store/tenants.ts";
import { type Running, start } from "../http/support.ts";
import { type Opened, postgres } from "../store/backends.ts";

const ROUNDS = 25;
const limits = { requestsPerMinute: 100_000, writesPerMinute: 60_000, destroysPerHour: 10_000, streamsPerCaller: 50 };

describe("requests at once", {
  concurrency: false,
  skip: postgres === undefined && "needs DATABASE_URL: PGlite has one connection",
}, () => {
  let opened: Opened;
  let one: Running;
  let other: Running;
  const access = { mode: "hand-off" };
  const tenantBody = (tags: Record<string, string> = {}) => ({ accountId: "111122223333", region: "us-east-1", access, tags });
  const body = (name: string, note: string) => ({
    blueprint: "conductorone-s3",
    parameters: { bucket: `bucket-${note}`, externalId: `c1-${name}-7d1f6a93b2e8` },
  });
  const bodyWithout = (note: string) => ({ blueprint: "conductorone-s3", parameters: { bucket: `bucket-${note}` } });
  const path = (name: string) => `/v1/tenants/acme/integrations/${name}`;
  const make = async (name: string) => {
    const made = await one.call("PUT", path(name), { body: body(name, "first") });
    assert.equal(made.status, 202, JSON.stringify(made.json));
    return { "if-match": String(made.headers["etag"]) };
  };
  const there = async (name: string) => {
    const record = await findIntegration(one.store.db, "acme", name);
    assert.ok(record);
    return record;
  };

  before(async () => {
    assert.ok(postgres);
    opened = await postgres.open();
    one = await start({ limits, databaseUrl: opened.store.databaseUrl });
    other = await start({ limits, databaseUrl: opened.store.databaseUrl });
    assert.equal((await one.call("PUT", "/v1/tenants/acme", { body: tenantBody() })).status, 201);
  });
  after(async () => {
    await Promise.all([one?.close(), other?.close()]);
    await opened?.remove();
  });

  test("two changes with one entity tag: one is accepted, and this one is stored", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const name = `tag-${round}`;
      const headers = await make(name);
      const answers = await Promise.all([
        one.call("PUT", path(name), { body: bodyWithout("one"), headers }),
        other.call("PUT", path(name), { body: bodyWithout("other"), headers }),
      ]);
      assert.deepEqual(answers.map(({ status }) => status).sort(), [202, 412]);
      const won = answers[0].status === 202 ? "one" : "other";
      assert.equal((await there(name)).parameters["bucket"], `bucket-${won}`);
    }
  });

  test("two creates: one makes the integration, and the other learns that it exists", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const name = `new-${round}`;
      const answers = await Promise.all([
        one.call("PUT", path(name), { body: body(`${name}-a`, "one") }),
        other.call("PUT", path(name), { body: body(`${name}-b`, "other") }),
      ]);
      assert.deepEqual(answers.map(({ status }) => status).sort(), [202, 428]);
      assert.equal((await openOperations(one.store.db, "acme", name)).length, 1);
    }
  });

  test("two creates with the same body are one operation", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const name = `same-${round}`;
      const answers = await Promise.all([one, other].map((at) => at.call("PUT", path(name), { body: body(name, "same") })));
      assert.deepEqual(
        answers.map(({ status }) => status),
        [202, 202],
      );
      assert.equal((await openOperations(one.store.db, "acme", name)).length, 1);
    }
  });

  test("a change and a rotation: neither overwrites the other's part", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const name = `rotated-${round}`;
      const headers = await make(name);
      const externalId = `c1-next-${round}-41c09d2e`;
      const [put, rotation] = await Promise.all([
        one.call("PUT", path(name), { body: bodyWithout("changed"), headers }),
        other.call("POST", `${path(name)}/external-id`, { body: { externalId } }),
      ]);
      assert.equal(rotation.status, 202, JSON.stringify(rotation.json));
      assert.ok(put.status === 202 || put.status === 412, JSON.stringify(put.json));
      const record = await there(name);
      assert.deepEqual(
        record.externalIds.map(({ id }) => id),
        [externalId],
      );
      assert.equal(record.parameters["bucket"], put.status === 202 ? "bucket-changed" : "bucket-first");
    }
  });

  test("a DELETE with the tag from before a change is refused", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const name = `gone-${round}`;
      const headers = await make(name);
      const [put, removal] = await Promise.all([
        one.call("PUT", path(name), { body: bodyWithout("changed"), headers }),
        other.call("DELETE", path(name), { headers }),
      ]);
      const open = (await openOperations(one.store.db, "acme", name)).map(({ kind }) => kind);
      // A change after the teardown requests the integration again.
      if (removal.status === 202 && put.status === 202) assert.equal(open.at(-1), "up");
      else assert.deepEqual([put.status, removal.status].sort(), [202, 412]);
    }
  });

  test("two changes of a tenant with one tag: one is accepted", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { headers } = await one.call("GET", "/v1/tenants/acme");
      const tag = { "if-match": String(headers["etag"]) };
      const answers = await Promise.all(
        [one, other].map((at, index) =>
          at.call("PUT", "/v1/tenants/acme", { body: tenantBody({ round: `${round}-${index}` }), headers: tag }),
        ),
      );
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412]);
      const won = answers.findIndex(({ status }) => status === 200);
      assert.equal((await findTenant(one.store.db, "acme"))?.tags["round"], `${round}-${won}`);
    }
  });

  test("two registrations of one name: one makes the tenant, the other learns that it exists", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const answers = await Promise.all(
        [one, other].map((at, index) =>
          at.call("PUT", `/v1/tenants/made-${round}`, { body: { ...tenantBody(), accountId: `44445555${1000 + round * 2 + index}` } }),
        ),
      );
      assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 409], JSON.stringify(answers.map(({ json }) => json)));
    }
  });

  test("two tenants of different callers, one account: the replica that enters it first holds it for its tenant", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const accountId = `55556666${1000 + round}`;
      const mine = { accountId, name: `mine-${round}` };
      const theirs = { accountId, name: `theirs-${round}` };
      for (const tenant of [mine, theirs]) await claimAccount(one.store.db, tenant, false);
      const held = await Promise.all([holdAccount(one.store.db, mine), holdAccount(other.store.db, theirs)]);
      assert.deepEqual(held.toSorted(), [false, true]);
    }
  });

  test("a PUT and the DELETE of its tenant: no live integration is left in a tenant with a tombstone", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const tenant = `ended-${round}`;
      const accountId = `55556666${1000 + round}`;
      assert.equal((await one.call("PUT", `/v1/tenants/${tenant}`, { body: { ...tenantBody(), accountId } })).status, 201);
      const [put, removal] = await Promise.all([
        one.call("PUT", `/v1/tenants/${tenant}/integrations/c1`, { body: body(tenant, "x") }),
        other.call("DELETE", `/v1/tenants/${tenant}`),
      ]);
      const record = await findIntegration(one.store.db, tenant, "c1");
      const isLiving = record !== undefined && record.goneAt === undefined;
      const isThere = (await findTenant(one.store.db, tenant)) !== undefined;
      assert.ok(isThere || !isLiving, `${put.status} and ${removal.status}`);
    }
  });
});
