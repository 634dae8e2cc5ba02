import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import test, { after, before } from "node:test";
import { type CryptoKey, exportJWK, exportPKCS8, exportSPKI, generateKeyPair, importPKCS8, type JWTPayload, SignJWT } from "jose";
import { callerLookup } from "../../../src/access/identity/find-caller.ts";
import { issuersSchema, type TokenReader, tokenReader } from "../../../src/access/identity/oidc.ts";
import type { Reply } from "../../http/call.ts";
import { type Running, start } from "../../http/support.ts";
import { type Opened, openAnew } from "../../store/backends.ts";

let keys: { privateKey: CryptoKey; publicKey: CryptoKey };
let strangers: { privateKey: CryptoKey };
let keyServer: Server;
let read: TokenReader;
let opened: Opened;
let service: Running;
let fetches = 0;
const now = () => Math.floor(Date.now() / 1000);
const issuer = "https://token.pipelines.example";

before(async () => {
  keys = await generateKeyPair("RS256", { extractable: true });
  strangers = await generateKeyPair("RS256");
  // Without `alg`, as issuers may leave it out (RFC 7517 §4.4): then the pin alone says which algorithm counts.
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: "k1", use: "sig" };
  keyServer = createServer((_request, response) => {
    fetches += 1;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ keys: [jwk] }));
  }).listen(0, "127.0.0.1");
  await once(keyServer, "listening");
  const { port } = keyServer.address() as AddressInfo;
  read = tokenReader(
    issuersSchema.parse([
      {
        name: "pipelines",
        issuer,
        audience: "drawbridge",
        algorithms: ["RS256"],
        jwksUri: `http://127.0.0.1:${port}/jwks`,
        rules: [
          { claims: { repository: "acme/infra", ref: "refs/heads/main" }, tenants: ["acme"], scopes: ["read", "write"] },
          { claims: { repository: "acme/infra" }, tenants: ["acme"], scopes: ["read"] },
        ],
      },
    ]),
  );
  opened = await openAnew();
  service = await start({
    api: { findCaller: callerLookup({ admin: "the-administrators-token-0", db: opened.store.db, readToken: read }) },
  });
});
after(async () => {
  await service?.close();
  keyServer?.close();
  await opened?.remove();
});

const claims = (more: JWTPayload = {}): JWTPayload => ({
  iss: issuer,
  aud: "drawbridge",
  sub: "repo:acme/infra",
  repository: "acme/infra",
  ref: "refs/heads/main",
  iat: now(),
  exp: now() + 600,
  ...more,
});
const sign = (payload: JWTPayload, { key = keys.privateKey, alg = "RS256", kid = "k1" } = {}) =>
  new SignJWT(payload).setProtectedHeader({ alg, kid }).sign(key);
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

test("a token is a caller by the first rule that fits its claims, whatever scopes it names itself", async () => {
  const main = await read(await sign(claims({ scope: "admin", tenants: "*" })));
  const { credential, ...caller } = main ?? {};
  assert.deepEqual(caller, { subject: "pipelines:repo:acme/infra", tenants: ["acme"], scopes: ["read", "write"] });
  assert.deepEqual(credential, { kind: "issuer", issuer, claims: { repository: "acme/infra", ref: "refs/heads/main" } });
  const branch = await read(await sign(claims({ ref: "refs/heads/try" })));
  assert.deepEqual(branch?.scopes, ["read"]);
  assert.equal(await read(await sign(claims({ repository: "other/infra" }))), undefined);
});

test("whatever is wrong with a token, the answer is the same 401", async () => {
  const good = await sign(claims());
  const [header = "", body = "", signature = ""] = good.split(".");
  const confused = `${part({ alg: "HS256", kid: "k1" })}.${part(claims())}`;
  const pem = await exportSPKI(keys.publicKey);
  const sameKey = await importPKCS8(await exportPKCS8(keys.privateKey), "PS256");
  const bad: Record<string, string> = {
    "no algorithm": `${part({ alg: "none" })}.${part(claims())}.`,
    "no algorithm, with a signature": `${part({ alg: "none", kid: "k1" })}.${part(claims())}.${signature}`,
    "the public key as a shared secret": `${confused}.${createHmac("sha256", pem).update(confused).digest("base64url")}`,
    "another audience": await sign(claims({ aud: "elsewhere" })),
    "another issuer": await sign(claims({ iss: "https://evil.example" })),
    "another issuer's key": await sign(claims(), { key: strangers.privateKey }),
    "an unknown key id": await sign(claims(), { kid: "k2", key: strangers.privateKey }),
    "an algorithm that isn't pinned": await sign(claims(), { alg: "PS256", key: sameKey }),
    over: await sign(claims({ iat: now() - 900, exp: now() - 300 })),
    "not yet valid": await sign(claims({ nbf: now() + 300 })),
    "issued in the future": await sign(claims({ iat: now() + 300, exp: now() + 600 })),
    "a life that is too long": await sign(claims({ exp: now() + 86_400 })),
    "no end": await sign({ ...claims(), exp: undefined } as unknown as JWTPayload),
    "no subject": await sign({ ...claims(), sub: undefined } as unknown as JWTPayload),
    "a changed body": `${header}.${part(claims({ ref: "refs/heads/main", repository: "acme/infra", sub: "x" }))}.${signature}`,
    "no signature": `${header}.${body}.`,
    "too large": await sign(claims({ fill: "x".repeat(5_000) })),
    "no token": "a.b.c",
  };
  const seen = ({ status, headers, text }: Reply) => ({ status, text: text.replace(String(headers["x-request-id"]), "") });
  const none = await service.call("GET", "/v1/tenants", { token: null });
  assert.equal((await service.call("GET", "/v1/tenants", { token: good })).status, 200);
  for (const [what, token] of Object.entries(bad)) {
    assert.deepEqual(seen(await service.call("GET", "/v1/tenants", { token })), seen(none), what);
  }
  assert.equal(none.status, 401);
});

test("made-up key ids don't become requests for keys", async () => {
  const before = fetches;
  for (let n = 0; n < 20; n++) await read(await sign(claims(), { kid: `made-up-${n}` }));
  assert.ok(fetches - before <= 1);
});

test("a configuration that would trust too much is refused", () => {
  const one = {
    name: "p",
    issuer,
    audience: "a",
    algorithms: ["RS256"],
    jwksUri: "https://k.example",
    rules: [{ claims: { a: "b" }, tenants: "*", scopes: ["read"] }],
  };
  assert.ok(issuersSchema.safeParse([one]).success);
  for (const change of [
    { algorithms: ["HS256"] },
    { algorithms: ["none"] },
    { jwksUri: "http://k.example" },
    { audience: "" },
    { rules: [] },
    { rules: [{ claims: {}, tenants: "*", scopes: ["read"] }] },
  ]) {
    assert.equal(issuersSchema.safeParse([{ ...one, ...change }]).success, false, JSON.stringify(change));
  }
  assert.equal(issuersSchema.safeParse([one, one]).success, false);
});
