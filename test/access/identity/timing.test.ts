/**
 * Whether the time of a comparison tells how much of a guess is right. By construction it can't: what is compared is the SHA-256 of the
 * guess, which a caller can't steer towards the stored one, and Node's timingSafeEqual compares that. Here it is measured as well.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import test, { after, before } from "node:test";
import { callerOfKey, makeKey } from "../../../src/access/identity/api-keys.ts";
import { adminToken, hashToken } from "../../../src/access/identity/tokens.ts";
import { scopes } from "../../../src/model/caller.ts";
import { type Opened, openAnew } from "../../store/backends.ts";

let opened: Opened;
before(async () => {
  opened = await openAnew();
});
after(() => opened?.remove());

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** The median time of `near` over that of `far`, taken in turns so that the machine's moods hit both. */
async function ratioOf(near: () => unknown, far: () => unknown, { rounds, calls }: { rounds: number; calls: number }): Promise<number> {
  const times = { near: [] as number[], far: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const turn = [["near", near] as const, ["far", far] as const];
    for (const [name, ask] of round % 2 === 0 ? turn : turn.reverse()) {
      const from = performance.now();
      for (let call = 0; call < calls; call++) await ask();
      times[name].push(performance.now() - from);
    }
  }
  return median(times.near) / median(times.far);
}

/** Right but for its last character, and wrong from the first. */
function guesses(secret: string): { near: string; far: string } {
  const other = (letter: string) => (letter === "A" ? "B" : "A");
  return { near: secret.slice(0, -1) + other(secret.at(-1) ?? ""), far: [...secret].map(other).join("") };
}

test("the measurement finds a comparison that stops at the first difference", async () => {
  const secret = randomBytes(3_000).toString("base64url");
  const { near, far } = guesses(secret);
  const leaky = (guess: string) => {
    for (let at = 0; at < secret.length; at++) if (guess[at] !== secret[at]) return false;
    return true;
  };
  assert.ok(
    (await ratioOf(
      () => leaky(near),
      () => leaky(far),
      { rounds: 101, calls: 50 },
    )) > 1.5,
  );
});

test("the time for the administrator's token doesn't depend on how much of it is right", async (t) => {
  const secret = randomBytes(32).toString("base64url");
  const { near, far } = guesses(secret);
  const find = adminToken(secret);
  const ratio = await ratioOf(
    () => find(near),
    () => find(far),
    { rounds: 401, calls: 50 },
  );
  t.diagnostic(`right but for one character / wrong from the first: ${ratio.toFixed(3)}`);
  assert.ok(ratio > 0.9 && ratio < 1.1, String(ratio));
});

test("nor does the time for an API key, which is looked up by its digest", async (t) => {
  const { db } = opened.store;
  const { key } = await makeKey(
    db,
    { subject: "admin", tenants: "*", scopes, credential: { kind: "admin" as const } },
    { subject: "ci", tenants: "*", scopes: ["read"] },
  );
  const { near, far } = guesses(key.slice(4));
  const ratio = await ratioOf(
    () => callerOfKey(db, `dbk_${near}`),
    () => callerOfKey(db, `dbk_${far}`),
    { rounds: 101, calls: 2 },
  );
  t.diagnostic(`right but for one character / wrong from the first: ${ratio.toFixed(3)}`);
  assert.ok(ratio > 0.8 && ratio < 1.25, String(ratio));
});

test("a guess that is nearly right has a digest that shares nothing with the right one", () => {
  const secret = randomBytes(32).toString("base64url");
  const right = hashToken(secret);
  const alike = Array.from({ length: 256 }, (_, at) => {
    const letters = [...secret];
    letters[at % letters.length] = String.fromCharCode(33 + (at % 90));
    const digest = hashToken(letters.join(""));
    return letters.join("") === secret ? 0 : digest.findIndex((byte, index) => byte !== right[index]);
  });
  assert.ok(Math.max(...alike) <= 4, "a common prefix of five bytes of 32 in 256 guesses has a chance of 1 in 4 billion");
});
