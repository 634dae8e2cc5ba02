import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import https from "node:https";
import os from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import test, { after, before } from "node:test";
import type { ConnectionOptions } from "node:tls";
import { promisify } from "node:util";
import { type Listeners, openListeners } from "../../src/app/listeners.ts";
import { readConfig } from "../../src/config.ts";
import { routes } from "../../src/http/routes/routes.ts";
import { readTls } from "../../src/http/server/tls.ts";
import { createLog } from "../../src/log.ts";
import { type Issued, issue } from "../http/certificates.ts";
import { type Running, start } from "../http/support.ts";

const where = { host: "127.0.0.1", port: 0 };
const authorization = "Bearer admin-token";
const server = issue("the server");
const authority = issue("the clients' authority");
const client = issue("a client", authority);

let service: Running;
let folder: string;
let cert: string;
let key: string;
let clientCa: string;
before(async () => {
  service = await start();
  folder = await mkdtemp(path.join(os.tmpdir(), "drawbridge-tls-"));
  cert = path.join(folder, "cert.pem");
  key = path.join(folder, "key.pem");
  clientCa = path.join(folder, "ca.pem");
  await write(server);
  await writeFile(clientCa, authority.cert);
});
after(async () => {
  // A test that failed before its own close must not keep the process alive.
  await Promise.all(opened.map((one) => one.close(0)));
  await rm(folder, { recursive: true, force: true });
});

async function write(certificate: Issued): Promise<void> {
  await writeFile(cert, certificate.cert);
  await writeFile(key, certificate.key);
}

const lines: string[] = [];
const opened: Listeners[] = [];
async function open(more: Partial<Parameters<typeof openListeners>[1]>) {
  const stream = new PassThrough().on("data", (chunk: Buffer) => lines.push(chunk.toString()));
  const listeners = await openListeners(
    service.api,
    { ...where, ...more },
    { log: createLog({ level: "info", stream }), lookSeconds: 3_600 },
  );
  opened.push(listeners);
  return listeners;
}

/** Status and the name in the server's certificate; trusts `ca` alone. */
function ask(url: string, options: ConnectionOptions & { path?: string; bearer?: boolean }) {
  const { path: wanted = "/v1/blueprints", bearer = true, ...tls } = options;
  const headers = bearer ? { authorization } : {};
  return new Promise<{ status: number | undefined; name: string | undefined }>((resolve, reject) => {
    https
      .get(`${url}${wanted}`, { agent: false, headers, ...tls }, (response) => {
        const socket = response.socket as import("node:tls").TLSSocket;
        const name = socket.getPeerCertificate().subject?.CN;
        response.resume().on("end", () => resolve({ status: response.statusCode, name: Array.isArray(name) ? name[0] : name }));
      })
      .on("error", reject);
  });
}

const statusOf = async (url: string, method = "GET") => (await fetch(url, { method, headers: { authorization } })).status;

test("with a certificate the service speaks TLS 1.2 and 1.3, nothing older, and no plain HTTP", async () => {
  const listeners = await open({ tls: { cert, key } });
  assert.match(listeners.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const exactly = { minVersion: version, maxVersion: version, ca: server.cert };
    assert.deepEqual(await ask(listeners.url, exactly), { status: 200, name: "the server" });
  }
  // @SECLEVEL=0: the client would speak it, so that the server is who refuses.
  assert.equal((await readTls({ cert, key })).options.minVersion, "TLSv1.2");
  const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0", ca: server.cert } as const;
  await assert.rejects(ask(listeners.url, old), /alert protocol version/);
  await assert.rejects(fetch(listeners.url.replace("https", "http")));
  await listeners.close(0);
});

test("with a client authority only its certificates come in, and a certificate doesn't replace the token", async () => {
  const listeners = await open({ tls: { cert, key, clientCa } });
  const stranger = issue("a client", issue("the clients' authority"));
  const trusted = { ca: server.cert };
  assert.equal((await ask(listeners.url, { ...trusted, cert: client.cert, key: client.key })).status, 200);
  assert.equal((await ask(listeners.url, { ...trusted, cert: client.cert, key: client.key, bearer: false })).status, 401);
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    await assert.rejects(ask(listeners.url, { ...trusted, maxVersion }), "without a certificate");
    await assert.rejects(ask(listeners.url, { ...trusted, maxVersion, cert: stranger.cert, key: stranger.key }), "with a stranger's");
  }
  await listeners.close(0);
});

test("a renewed certificate is taken without a restart, and one that can't be used isn't", async () => {
  const listeners = await open({ tls: { cert, key } });
  const renewed = issue("the server, renewed");
  await write(renewed);
  assert.equal((await ask(listeners.url, { ca: server.cert })).name, "the server", "before it was looked at");
  await listeners.reloadTls();
  assert.deepEqual(await ask(listeners.url, { ca: renewed.cert }), { status: 200, name: "the server, renewed" });
  await writeFile(key, server.key);
  await listeners.reloadTls();
  assert.equal((await ask(listeners.url, { ca: renewed.cert })).status, 200, "the old pair stays in force");
  assert.match(lines.join(""), /can't be used, so the old certificate stays/);
  assert.doesNotMatch(lines.join(""), /PRIVATE|CERTIFICATE/);
  await listeners.close(0);
  await assert.rejects(open({ tls: { cert, key } }), /DRAWBRIDGE_TLS_… can't be used/);
  await assert.rejects(open({ tls: { cert: path.join(folder, "none.pem"), key } }), /DRAWBRIDGE_TLS_CERT can't be read/);
  await writeFile(path.join(folder, "empty.pem"), "");
  await assert.rejects(open({ tls: { cert, key, clientCa: path.join(folder, "empty.pem") } }), /DRAWBRIDGE_TLS_CLIENT_CA holds no PEM/);
  await write(server);
});

test("an administrators' listener alone answers for health and metrics, and every other route stays where it was", async () => {
  const listeners = await open({ admin: { ...where, adminScope: false } });
  const { url, adminUrl = "" } = listeners;
  for (const system of ["/healthz", "/readyz", "/metrics"]) {
    assert.deepEqual([await statusOf(url + system), await statusOf(adminUrl + system)], [404, 200], system);
  }
  assert.deepEqual([await statusOf(`${url}/v1/keys`), await statusOf(`${adminUrl}/v1/keys`)], [200, 404]);
  assert.deepEqual([await statusOf(`${url}/v1/blueprints`), await statusOf(`${adminUrl}/v1/blueprints`)], [200, 404]);
  assert.equal((await fetch(`${adminUrl}/metrics`)).status, 401, "metrics need their token there as well");
  await listeners.close(0);
});

test("every route of the scope admin moves to the administrators' listener where that is asked for", async () => {
  const listeners = await open({ admin: { ...where, adminScope: true } });
  const { url, adminUrl = "" } = listeners;
  const ofAdmins = routes.filter(({ scope }) => scope === "admin");
  assert.ok(ofAdmins.length > 5);
  const others = routes
    .map(({ method, path: at }) => `${method} ${at}`)
    .filter((one) => !ofAdmins.some((of) => one === `${of.method} ${of.path}`));
  for (const route of ofAdmins) {
    const at = route.path.replaceAll(/\{\w+\}/g, "x");
    const sharesPath = others.some((one) => one.endsWith(` ${route.path}`));
    const gone = await statusOf(url + at, route.method.toUpperCase());
    assert.ok(gone === 404 || (sharesPath && gone === 405), `${route.method} ${route.path} on the main listener: ${gone}`);
    assert.notEqual(await statusOf(adminUrl + at, route.method.toUpperCase()), 405, route.path);
  }
  assert.deepEqual([await statusOf(`${url}/v1/keys`), await statusOf(`${adminUrl}/v1/keys`)], [404, 200]);
  await listeners.close(0);
});

test("the image's health check knows a service that answers, with TLS and client certificates too, from one that doesn't", async () => {
  const check = (environment: Record<string, string>) =>
    promisify(execFile)(process.execPath, [path.resolve(import.meta.dirname, "../../container/healthy.mjs")], { env: environment }).then(
      () => "healthy",
      () => "unhealthy",
    );
  const portOf = (url: string | undefined) => new URL(url ?? "").port;
  const plain = await open({});
  const apart = await open({ admin: { ...where, adminScope: false } });
  const mutual = await open({ tls: { cert, key, clientCa } });
  assert.equal(await check({ DRAWBRIDGE_PORT: portOf(plain.url) }), "healthy");
  assert.equal(await check({ DRAWBRIDGE_PORT: portOf(apart.url), DRAWBRIDGE_ADMIN_PORT: portOf(apart.adminUrl) }), "healthy");
  assert.equal(await check({ DRAWBRIDGE_PORT: portOf(apart.url) }), "unhealthy", "/healthz isn't there");
  assert.equal(await check({ DRAWBRIDGE_PORT: portOf(mutual.url), DRAWBRIDGE_TLS_CERT: cert }), "healthy");
  const port = portOf(plain.url);
  await Promise.all([plain, apart, mutual].map((one) => one.close(0)));
  assert.equal(await check({ DRAWBRIDGE_PORT: port }), "unhealthy");
  assert.equal(await check({ DRAWBRIDGE_PORT: port, DRAWBRIDGE_TLS_CERT: cert }), "unhealthy");
});

test("a port that is taken leaves nothing open", async () => {
  const first = await open({});
  const port = Number(new URL(first.url).port);
  await assert.rejects(open({ admin: { host: "127.0.0.1", port, adminScope: false } }), /EADDRINUSE/);
  await first.close(0);
});

test("half a configuration of TLS or of the second listener is refused by name", () => {
  const least = { DRAWBRIDGE_STATE_URL: "s3://state", DRAWBRIDGE_SECRETS_PASSPHRASE: "canary-passphrase" };
  const both = { DRAWBRIDGE_TLS_CERT: "/c", DRAWBRIDGE_TLS_KEY: "/k" };
  assert.deepEqual(readConfig({ ...least, ...both, DRAWBRIDGE_TLS_CLIENT_CA: "/ca" }).tls, { cert: "/c", key: "/k", clientCa: "/ca" });
  assert.deepEqual(readConfig({ ...least, DRAWBRIDGE_ADMIN_PORT: "9090" }).admin, { host: "127.0.0.1", port: 9090, adminScope: false });
  assert.equal(readConfig(least).tls ?? readConfig(least).admin, undefined);
  for (const half of [{ DRAWBRIDGE_TLS_CERT: "/c" }, { DRAWBRIDGE_TLS_KEY: "/k" }, { DRAWBRIDGE_TLS_CLIENT_CA: "/ca" }]) {
    assert.throws(() => readConfig({ ...least, ...half }), /DRAWBRIDGE_TLS_CERT and DRAWBRIDGE_TLS_KEY/);
  }
  assert.throws(() => readConfig({ ...least, DRAWBRIDGE_ADMIN_ROUTES: "true" }), /need DRAWBRIDGE_ADMIN_PORT/);
});
