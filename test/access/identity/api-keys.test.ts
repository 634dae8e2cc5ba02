import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { callerOfKey, makeKey, removeKey, rotateKey } from "../../../src/access/identity/api-keys.ts";
import { adminToken, newApiKey } from "../../../src/access/identity/tokens.ts";
import { type Caller, scopes } from "../../../src/model/caller.ts";
import { findApiKey } from "../../../src/store/api-keys.ts";
import { type Opened, openAnew } from "../../store/backends.ts";

const admin: Caller = { subject: "admin", tenants: "*", scopes, credential: { kind: "admin" as const } };
const request = { subject: "ci", tenants: ["acme"], scopes: ["read" as const, "write" as const] };

let opened: Opened;
before(async () => {
  opened = await openAnew();
});
after(() => opened?.remove());
const code = (expected: string) => (error: Error) => error.message.startsWith(`${expected}:`);

test("a key opens what it was made for, its use is noted, and the store doesn't hold it", async () => {
  const { db } = opened.store;
  const { key, id } = await makeKey(db, admin, request);
  assert.match(key, /^dbk_[A-Za-z0-9_-]{43}$/);
  assert.equal((await findApiKey(db, id))?.lastUsedAt, undefined);
  assert.deepEqual(await callerOfKey(db, key), {
    subject: "ci",
    tenants: ["acme"],
    scopes: ["read", "write"],
    credential: { kind: "key", id },
  });
  assert.ok((await findApiKey(db, id))?.lastUsedAt);
  const rows = JSON.stringify(await db.selectFrom("api_keys").selectAll().execute());
  assert.ok(!rows.includes(key) && !rows.includes(key.slice(4)));
});

test("keys are 256 random bits, and one that is nearly right opens nothing", async () => {
  const made = new Set(Array.from({ length: 1_000 }, newApiKey));
  assert.equal(made.size, 1_000);
  const { key } = await makeKey(opened.store.db, admin, request);
  for (const wrong of [key.slice(0, -1), `${key}A`, key.toLowerCase(), newApiKey(), "dbk_"]) {
    if (wrong !== key) assert.equal(await callerOfKey(opened.store.db, wrong), undefined);
  }
});

test("a key that is over or was removed opens nothing", async () => {
  const { db } = opened.store;
  const { key } = await makeKey(db, admin, { ...request, expiresAt: new Date(Date.now() + 300).toISOString() });
  assert.ok(await callerOfKey(db, key));
  await sleep(350);
  assert.equal(await callerOfKey(db, key), undefined);
  const removed = await makeKey(db, admin, request);
  await removeKey(db, removed.id);
  assert.equal(await callerOfKey(db, removed.key), undefined);
  await assert.rejects(removeKey(db, removed.id), code("not_found"));
  await assert.rejects(makeKey(db, admin, { ...request, expiresAt: "2020-01-01T00:00:00.000Z" }), code("invalid_request"));
});

test("a rotation gives an equal key, and the old one works for the overlap alone", async () => {
  const { db } = opened.store;
  const old = await makeKey(db, admin, request);
  const overlapping = await rotateKey(db, admin, old.id, 5);
  assert.deepEqual(await callerOfKey(db, overlapping.key), await callerOfKey(db, old.key));
  const last = await rotateKey(db, admin, overlapping.id, 0);
  assert.equal(await callerOfKey(db, overlapping.key), undefined);
  assert.ok(await callerOfKey(db, last.key));
  await assert.rejects(rotateKey(db, admin, overlapping.id, 5), code("not_found"));
});

test("nobody makes or rotates a key that holds more than they do, or takes the administrator's name", async () => {
  const { db } = opened.store;
  const limited: Caller = { subject: "lead", tenants: "*", scopes: ["admin", "read"], credential: { kind: "admin" as const } };
  await assert.rejects(makeKey(db, limited, request), code("forbidden"));
  await assert.rejects(makeKey(db, { ...admin, tenants: ["beta"] }, request), code("forbidden"));
  await assert.rejects(makeKey(db, { ...admin, tenants: ["acme"] }, { ...request, tenants: "*" }), code("forbidden"));
  const strong = await makeKey(db, admin, request);
  await assert.rejects(rotateKey(db, limited, strong.id, 0), code("forbidden"));
  await assert.rejects(makeKey(db, admin, { ...request, subject: "admin" }), code("invalid_request"));
  assert.ok(await makeKey(db, limited, { ...request, scopes: ["read"] }));
});

test("the administrator's token is known by its hash alone and holds everything", () => {
  const find = adminToken("correct-horse-battery-staple");
  assert.deepEqual(find("correct-horse-battery-staple"), admin);
  assert.equal(find("correct-horse-battery-stapl"), undefined);
  assert.equal(find(""), undefined);
});
