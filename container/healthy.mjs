/**
 * The image's health check: exit code 0 while the service answers on the listener that has /healthz. It checks no certificate, since it
 * asks its own container; and a refusal for want of a client's certificate is an answer too.
 */
import http from "node:http";
import https from "node:https";

const { DRAWBRIDGE_ADMIN_PORT, DRAWBRIDGE_PORT, DRAWBRIDGE_TLS_CERT } = process.env;
const options = { host: "127.0.0.1", port: DRAWBRIDGE_ADMIN_PORT ?? DRAWBRIDGE_PORT, path: "/healthz", rejectUnauthorized: false };
const request = (DRAWBRIDGE_TLS_CERT ? https : http).get(options, (response) => process.exit(response.statusCode === 200 ? 0 : 1));
request.setTimeout(4_000, () => process.exit(1));
request.on("error", ({ code }) => process.exit(code?.startsWith("ERR_SSL_") ? 0 : 1));
